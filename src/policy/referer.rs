//! Tells the next server where the request comes from ([RFC 9110 §10.1.3]).
//!
//! [RFC 9110 §10.1.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.3

use http::{HeaderValue, Uri, header};

use super::{Attempt, Decision, Policy, Verdict};
use crate::rules::{
    origin::{Origin, is_downgrade},
    target::without_userinfo,
};

/// Sends a `Referer` on every redirect; has no opinion otherwise.
///
/// Userinfo and fragment are never sent, and nothing goes from `https` to `http`. Without this
/// policy no `Referer` is made up, and the caller's own does not cross an origin.
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response, header::{LOCATION, REFERER}};
/// # use http_body_util::Empty;
/// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// # use tower_follow_redirect::ReplayBody;
/// use tower_follow_redirect::{FollowRedirectLayer, policy::Referer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # type Body = Empty<Bytes>;
/// # let server = service_fn(|request: Request<ReplayBody<Body>>| async move {
/// #     let response = match request.headers().get(REFERER) {
/// #         None => Response::builder().status(302).header(LOCATION, "https://b.test/"),
/// #         Some(referer) => Response::builder().header("x-came-from", referer),
/// #     };
/// #     Ok::<_, BoxError>(response.body(Body::new())?)
/// # });
/// let policy = Referer::strict_origin_when_cross_origin();
/// let layer = FollowRedirectLayer::new().with_policy(policy);
/// // `server` redirects to b.test, and there says which `Referer` it got.
/// let client = ServiceBuilder::new().layer(layer).service(server);
/// let request = Request::get("https://a.test/x?q=1").body(Body::new())?;
/// let response = client.oneshot(request).await?;
/// assert_eq!(response.headers()["x-came-from"], "https://a.test/");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Referer {
    across_origins: AcrossOrigins,
}

#[derive(Clone, Copy, Debug)]
enum AcrossOrigins {
    Origin,
    Url,
}

impl Referer {
    /// Sends the whole URL within an origin, only the origin across origins: what browsers do
    /// ([Referrer Policy §3.7]).
    ///
    /// [Referrer Policy §3.7]: https://www.w3.org/TR/referrer-policy/#referrer-policy-strict-origin-when-cross-origin
    pub fn strict_origin_when_cross_origin() -> Self {
        Self { across_origins: AcrossOrigins::Origin }
    }

    /// Sends the whole URL everywhere, with its query, as curl does for `--referer ';auto'`.
    pub fn auto() -> Self {
        Self { across_origins: AcrossOrigins::Url }
    }

    fn value(self, attempt: &Attempt<'_>) -> Option<HeaderValue> {
        let from = &attempt.request().uri;
        if is_downgrade(from, attempt.target().ok()?.uri()) {
            return None;
        }
        let url = match self.across_origins {
            AcrossOrigins::Origin if !attempt.is_same_origin() => {
                format!("{}/", Origin::of(from)?)
            }
            AcrossOrigins::Origin | AcrossOrigins::Url => {
                without_userinfo(absolute(from)?).to_string()
            }
        };
        url.try_into().ok()
    }
}

impl Policy for Referer {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        match self.value(attempt) {
            Some(url) => attempt.set_header(header::REFERER, url),
            None => attempt.strip_header(header::REFERER),
        }
        Decision::Pass.into()
    }
}

/// A request target in origin form does not say where it is.
fn absolute(uri: &Uri) -> Option<Uri> {
    uri.scheme().map(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::AttemptBuilder;

    #[test]
    fn sends_what_the_target_may_know() {
        let origin = Referer::strict_origin_when_cross_origin();
        let auto = Referer::auto();
        let from = "https://u:p@a.test/x?q";
        let table = [
            (origin, from, "/y", Some("https://a.test/x?q")),
            (origin, from, "https://b.test/", Some("https://a.test/")),
            (origin, from, "http://a.test/", None),
            (origin, "http://a.test/x", "https://a.test/", Some("http://a.test/")),
            (auto, from, "https://b.test/", Some("https://a.test/x?q")),
            (auto, from, "http://b.test/", None),
            (auto, "/x", "/y", None),
        ];
        for (policy, from, to, expected) in table {
            let mut redirect = AttemptBuilder::redirect(from, 302, to);
            let mut attempt = redirect.attempt();
            let verdict = policy.redirect(&mut attempt);
            assert!(matches!(verdict, Verdict::Decided(Decision::Pass)));
            let headers = attempt.next_headers();
            let found = headers.get(header::REFERER).map(|value| value.to_str().unwrap());
            assert_eq!(found, expected, "{from} to {to}");
        }
    }
}
