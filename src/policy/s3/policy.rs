//! The policy: asks the rules, and does what they say.

use http::{HeaderName, StatusCode, header, request};

use super::{
    decide::{Facts, Next, Outcome, Xml, decide},
    error_xml::{ErrorXml, LIMIT},
    refused::{Reason, Refused},
    signing::{SignedWith, SigningRegion},
    site::{Site, Sites},
};
use crate::{
    policy::{Attempt, Decision, ExpectSupport, Policy, Verdict},
    rules::target::Target,
};

/// Follows the redirects of Amazon S3 as S3 means them; see the [module](super).
///
/// ```
/// use http::{Request, Response};
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, Policy, S3, Verdict};
///
/// // A service that speaks S3's protocol is added by its domain.
/// let policy = S3::new().domain("s3.example.net");
///
/// // S3 says where a bucket is, and sends no `Location`.
/// let request = Request::put("https://quotes.s3.us-east-1.amazonaws.com/a").body(())?;
/// let response = Response::builder().status(301).header("x-amz-bucket-region", "eu-west-1");
/// let mut redirect = AttemptBuilder::new(request, response.body(())?);
/// let mut attempt = redirect.attempt();
/// let verdict = policy.redirect(&mut attempt);
/// assert!(matches!(verdict, Verdict::Decided(Decision::FollowWithCredentials)), "{verdict:?}");
/// let target = attempt.target().unwrap().uri();
/// assert_eq!(target, "https://quotes.s3.eu-west-1.amazonaws.com/a");
///
/// // To another bucket it never redirects.
/// let (from, to) = ("https://a.s3.amazonaws.com/x", "https://b.s3.amazonaws.com/x");
/// let mut redirect = AttemptBuilder::redirect(from, 307, to);
/// let verdict = policy.redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::StopBecause(_))));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct S3 {
    sites: Sites,
    max_redirects: usize,
    foreign: Foreign,
}

/// What becomes of a redirect that S3 sends to where it never does: to another host, bucket or key.
///
/// ```
/// use tower_follow_redirect::policy::{Policy, S3, Standard, s3::Foreign};
///
/// // One client for S3 and for the rest of the web.
/// let policy = S3::new().foreign(Foreign::Delegate).or(Standard);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// It is handed back.
    #[default]
    Stop,
    /// [`S3`] has no opinion, once every credential is removed for the rest of the chain. So another
    /// policy decides, or it is followed.
    ///
    /// Where a [signer](super::SignedWith) is inside it is handed back nevertheless: the next request
    /// would be signed.
    Delegate,
}

impl S3 {
    /// Makes the policy for Amazon's own endpoints.
    pub fn new() -> Self {
        Self { sites: Sites::default(), max_redirects: 5, foreign: Foreign::Stop }
    }

    /// Adds the domain of an S3-compatible service: the host `domain` and all below it, at any port
    /// that a request begins with.
    ///
    /// A redirect may lead from one of them to another, if it has the same port, bucket, key and query.
    /// A name that is no host name matches none.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.sites.domains.push(domain.into().to_ascii_lowercase());
        self
    }

    /// Adds a host that is the alias of a bucket with its name, such as `images.example.com`: by a
    /// CNAME, which no name shows.
    ///
    /// The bucket is one of the partition `aws`. Over `https` a redirect of it is followed to the path
    /// of the bucket, since the certificates of S3 do not match a bucket with dots.
    ///
    /// ```
    /// use tower_follow_redirect::policy::S3;
    ///
    /// // `images.example.com` is a CNAME of `images.example.com.s3.amazonaws.com`.
    /// let policy = S3::new().bucket_host("images.example.com");
    /// ```
    #[must_use]
    pub fn bucket_host(mut self, host: impl Into<String>) -> Self {
        self.sites.bucket_hosts.push(host.into().to_ascii_lowercase());
        self
    }

    /// Sets how many redirects a call may follow, of S3 and before; 5 if it is not set. The layer's
    /// own [`limit`](crate::FollowRedirectLayer::limit) holds besides.
    #[must_use]
    pub fn max_redirects(mut self, max: usize) -> Self {
        self.max_redirects = max;
        self
    }

    /// Sets what becomes of a redirect that leaves S3, or the bucket.
    #[must_use]
    pub fn foreign(mut self, foreign: Foreign) -> Self {
        self.foreign = foreign;
        self
    }

    fn refuse(&self, attempt: &mut Attempt<'_>, refused: Refused) -> Decision {
        let is_signed = attempt.response().extensions.get::<SignedWith>().is_some()
            || attempt.request().extensions.get::<SigningRegion>().is_some();
        // Nobody else can follow what only the XML says.
        let is_for_others = attempt.target().is_ok() && refused.reason().is_foreign();
        if self.foreign == Foreign::Delegate && is_for_others && !is_signed {
            let secret: Vec<HeaderName> = attempt.secret_names().collect();
            secret.into_iter().for_each(|name| attempt.strip_header(name));
            return Decision::Pass;
        }
        Decision::stop(refused)
    }
}

impl Default for S3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for S3 {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        let facts = Facts {
            sites: &self.sites,
            request: attempt.request(),
            response: attempt.response(),
            xml: xml(attempt.peeked()),
            left: self.max_redirects.saturating_sub(attempt.hops().len()),
        };
        match decide(&facts) {
            Outcome::Pass => Decision::Pass,
            Outcome::ReadXml => return Verdict::Peek(LIMIT),
            Outcome::Follow(next) => follow(attempt, next),
            Outcome::Stop(refused) => self.refuse(attempt, refused),
        }
        .into()
    }

    /// A 400 says that a request was signed for the wrong region, among much else.
    fn claims(&self, status: StatusCode) -> bool {
        status == StatusCode::BAD_REQUEST
    }

    fn expect(&self, request: &request::Parts) -> ExpectSupport {
        let site = request.uri.host().and_then(|host| self.sites.source(host));
        match site {
            Some(Site::Aws(_) | Site::Alias { .. }) => ExpectSupport::Decides,
            Some(Site::Compatible { .. }) | None => ExpectSupport::Unknown,
        }
    }
}

/// Proposes the next request: the same, at another endpoint.
fn follow(attempt: &mut Attempt<'_>, Next { uri, region }: Next) -> Decision {
    let fragment = attempt.target().ok().and_then(|target| target.fragment().map(str::to_owned));
    let Ok(target) = Target::new(uri, fragment.as_deref()) else {
        return Decision::stop(Refused::from(Reason::BadLocation));
    };
    attempt.set_target(target);
    attempt.keep_method();
    // What the signer has signed for holds until S3 names another region: it was told once, and by a
    // hop to another host it would be forgotten.
    let signed = attempt.response().extensions.get().map(SignedWith::signed_region);
    let is_signed = signed.is_some();
    let region = region.as_deref().or(signed).map(SigningRegion::new);
    if is_signed || may_sign(attempt) {
        if let Some(region) = region {
            attempt.next_extensions().insert(region);
        }
        let hops = attempt.hops().len() + 1;
        attempt.call_state().insert(Vouched { hops });
    }
    if !attempt.is_same_origin() {
        NOT_OF_S3.into_iter().for_each(|name| attempt.strip_header(name));
    }
    Decision::FollowWithCredentials
}

/// The request after so many redirects is one that S3 has led to, and that may be signed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Vouched {
    hops: usize,
}

/// Returns whether the request could be signed that was redirected: what was lost on the way, at a redirect that
/// was not S3's, does not come back.
fn may_sign(attempt: &mut Attempt<'_>) -> bool {
    let hops = attempt.hops().len();
    hops == 0
        || attempt.request().extensions.get::<SigningRegion>().is_some()
        || attempt.call_state().get() == Some(&Vouched { hops })
}

/// Credentials of which S3 knows nothing: they were meant for the host, or for a proxy.
const NOT_OF_S3: [HeaderName; 4] = [
    header::COOKIE,
    HeaderName::from_static("cookie2"),
    header::PROXY_AUTHORIZATION,
    header::REFERER,
];

/// Reads what was seen of the response body.
fn xml(peeked: Option<&[u8]>) -> Xml {
    if cfg!(not(feature = "s3-xml")) {
        return Xml::Off;
    }
    match peeked.map(ErrorXml::parse) {
        Some(Some(error)) => Xml::Read(error),
        Some(None) => Xml::None,
        None => Xml::Unread,
    }
}
