//! A server whose resource has moved for good, and says so to old and new clients ([RFC 7538 §4]).
//!
//! A client that does not know 308 takes it for 300 and shows what came with it. So the answer has a
//! short note: a link, and a `meta refresh` that brings a browser there by itself. [`permanent_redirect`]
//! makes that answer, for any server on [`http`]; the rest serves it, and asks for it twice.
//!
//!     cargo run --example moved
//!
//! Whoever adds this to a server gives it to every client: to vary the status by `User-Agent` would be
//! hard to maintain, and would need a `Vary`, without which caches hand one client's answer to another.
//!
//! [RFC 7538 §4]: https://www.rfc-editor.org/rfc/rfc7538#section-4

use std::net::SocketAddr;

use axum::{
    Router,
    routing::{any, get},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{
    FollowRedirectLayer, History,
    rules::location::{self, BadLocation, LocationError},
};

/// A 308 may be kept without being told to ([RFC 9110 §15.4.9]): browsers keep it until their cache is
/// emptied, most libraries not at all. With a limit, a redirect that was a mistake ends after a day.
///
/// [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9
const CACHE_CONTROL: &str = "max-age=86400";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let target = format!("http://{address}/archive/report?year=2026&part='1'").parse()?;
    let router = router(&target)?;
    tokio::spawn(async move { axum::serve(listener, router).await });

    fetch_and_follow(address).await?;
    fetch_as_an_old_client(address).await
}

/// Makes the answer that a resource has moved to `target`, whatever the method.
///
/// It has a body for HEAD too: a server drops that, and sends the length of it, as it should.
///
/// # Errors
///
/// Fails if `target` is not absolute, or neither `http` nor `https`: a `javascript://` in the link would
/// be run by a click.
fn permanent_redirect(target: &Uri) -> Result<Response<String>, LocationError> {
    if target.scheme().is_none() {
        return Err(BadLocation::NoScheme.into());
    }
    // A `Uri` may hold quotes, and what is not ASCII; a `Location` may not. This is also how clients
    // read it, so that header, refresh and link lead to the same place.
    let target = location::resolve(target, None, target.to_string().as_bytes())?;
    let url = target.uri().to_string();
    let mut response = Response::new(note(&url));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    let location = url.try_into().map_err(|_| BadLocation::NoRequestTarget)?;
    headers.insert(header::LOCATION, location);
    headers
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html; charset=UTF-8"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(CACHE_CONTROL));
    Ok(response)
}

/// Writes the note for who is shown it.
///
/// There are no quotes around the URL of the refresh, and must be none: a quote is what ends one that
/// began with it, and an apostrophe may be part of a path. Without, all up to the end is the URL,
/// semicolons and spaces too, unless it begins with a quote, which an absolute one cannot ([shared
/// declarative refresh steps]).
///
/// [shared declarative refresh steps]: https://html.spec.whatwg.org/multipage/semantics.html#shared-declarative-refresh-steps
fn note(url: &str) -> String {
    let url = escaped(url);
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<title>Permanent Redirect</title>
<meta http-equiv="refresh" content="0; url={url}">
<p>The document has been moved to <a href="{url}">{url}</a>.</p>
</html>
"#
    )
}

/// Escapes what could end a text or a quoted attribute of HTML, or begin anything in it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, char| {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
        escaped
    })
}

/// A wrong target is found when the server starts, not when somebody asks.
fn router(target: &Uri) -> Result<Router, LocationError> {
    let moved = permanent_redirect(target)?;
    Ok(Router::new()
        .route("/report", any(async move || moved))
        .route("/archive/report", get("all is well in 2026\n")))
}

async fn fetch_and_follow(address: SocketAddr) -> Result<(), BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let client = FollowRedirectLayer::new().layer(client);
    let request = Request::get(format!("http://{address}/report")).body(Empty::<Bytes>::new())?;
    let response = client.oneshot(request).await?;
    println!("--- a client that follows\n{}", response.status());
    let history = History::of(&response).ok_or("it was not redirected")?;
    println!("it is at {} now", history.effective_url());
    assert_eq!(response.status(), StatusCode::OK, "the redirect led nowhere");
    print_body(response).await
}

async fn fetch_as_an_old_client(address: SocketAddr) -> Result<(), BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{address}/report")).body(Empty::<Bytes>::new())?;
    let response = client.request(request).await?;
    println!("\n--- a client that does not know 308\n{}", response.status());
    for (name, value) in response.headers() {
        println!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    println!();
    print_body(response).await
}

async fn print_body<B>(response: Response<B>) -> Result<(), BoxError>
where
    B: hyper::body::Body<Error: Into<BoxError>>,
{
    let body = response.into_body().collect().await.map_err(Into::into)?;
    print!("{}", String::from_utf8_lossy(&body.to_bytes()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::*;

    /// What a browser makes of a note.
    #[derive(Debug, PartialEq)]
    struct Read {
        refresh: String,
        href: String,
        text: String,
    }

    impl Read {
        fn from(page: &str) -> Self {
            Self {
                refresh: refresh_url(&unescaped(between(page, "content=\"", "\""))).into(),
                href: unescaped(between(page, "href=\"", "\"")),
                text: unescaped(between(between(page, "<a ", "</a>"), ">", "<")),
            }
        }

        fn all(url: &str) -> Self {
            Self { refresh: url.into(), href: url.into(), text: url.into() }
        }
    }

    /// What is after the first `open`, and before the next `close` or the end.
    fn between<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
        let (_, rest) = page.split_once(open).unwrap();
        rest.split_once(close).map_or(rest, |(found, _)| found)
    }

    fn unescaped(text: &str) -> String {
        let (mut unescaped, mut rest) = (String::new(), text);
        while let Some((before, reference)) = rest.split_once('&') {
            let (name, after) = reference.split_once(';').expect("an & begins a reference");
            unescaped.push_str(before);
            unescaped.push(match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "#39" => '\'',
                name => panic!("&{name}; is none of ours"),
            });
            rest = after;
        }
        unescaped + rest
    }

    /// The shared declarative refresh steps, from the time on.
    fn refresh_url(content: &str) -> &str {
        let rest = content.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let rest = rest.trim_ascii_start();
        let all = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_ascii_start();
        let rest = match all.get(..3) {
            Some(url) if url.eq_ignore_ascii_case("url") => all[3..].trim_ascii_start(),
            _ => return unquoted(all),
        };
        rest.strip_prefix('=').map_or(all, |rest| unquoted(rest.trim_ascii_start()))
    }

    fn unquoted(url: &str) -> &str {
        let quote = url.chars().next().filter(|first| matches!(first, '"' | '\''));
        quote.map_or(url, |quote| between(url, &quote.to_string(), &quote.to_string()))
    }

    /// The characters that make markup, in order.
    fn markup(page: &str) -> String {
        page.chars().filter(|c| matches!(c, '<' | '>' | '"' | '\'')).collect()
    }

    fn location(response: &Response<String>) -> &str {
        response.headers()[header::LOCATION].to_str().expect("a URI is ASCII")
    }

    #[test]
    fn every_place_of_the_answer_leads_to_the_same_target() {
        let table = [
            ("https://b.test", "https://b.test/"),
            ("https://b.test/x?a=1&b=2", "https://b.test/x?a=1&b=2"),
            // A reference without a semicolon, if the `&` were not escaped.
            ("https://b.test/x?a=1&copy=2&lt;3", "https://b.test/x?a=1&copy=2&lt;3"),
            ("https://b.test/x?a=1&amp;b=2", "https://b.test/x?a=1&amp;b=2"),
            ("https://b.test/';url='/y", "https://b.test/';url='/y"),
            ("https://b.test/it's?it's", "https://b.test/it's?it%27s"),
            ("https://b.test/\"onclick=\"x", "https://b.test/%22onclick=%22x"),
            ("https://b.test/x;url=https://c.test/", "https://b.test/x;url=https://c.test/"),
            ("https://b.test/x,0;y", "https://b.test/x,0;y"),
            ("https://b.test/{x}|y", "https://b.test/%7Bx%7D|y"),
            ("https://b.test/a%20b%22%3Cb%3E", "https://b.test/a%20b%22%3Cb%3E"),
            ("https://b.test/é", "https://b.test/%C3%A9"),
            ("https://u:secret@b.test/", "https://b.test/"),
            ("HTTP://B.test:80/", "http://b.test/"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ];
        for (target, expected) in table {
            let response = permanent_redirect(&target.parse().expect(target)).expect(target);
            assert_eq!(location(&response), expected, "{target}");
            assert_eq!(Read::from(response.body()), Read::all(expected), "{target}");
        }
    }

    #[test]
    fn what_is_no_absolute_http_uri_is_refused() {
        let table = [
            "javascript://b.test/%0Aalert(1)",
            "JavaScript://b.test/%0Aalert(1)",
            "data://b.test/html",
            "ftp://b.test/",
            "b.test:443",
            "/x",
            "//b.test/x",
            "/.//b.test/x",
            "*",
            "https://b.test\\@c.test/",
            "https://b.test/\\x",
        ];
        for target in table {
            if let Ok(target) = target.parse() {
                assert!(permanent_redirect(&target).is_err(), "{target}");
            }
        }
        let parsed = table.iter().filter(|target| target.parse::<Uri>().is_ok()).count();
        assert!(parsed >= 8, "{parsed}: http refuses what was to be tested");
    }

    /// The parser of [`Uri`] and the normalising keep most of these away already.
    #[test]
    fn a_note_is_safe_whatever_it_is_about() {
        let url = "https://b.test/\"><script>alert('&')</script> ;x='y'";
        let page = note(url);
        assert_eq!(Read::from(&page), Read::all(url));
        assert_eq!(markup(&page), markup(&note("https://b.test/")));
    }

    #[tokio::test]
    async fn an_answer_to_head_has_no_body() {
        let router = router(&Uri::from_static("https://b.test/x")).unwrap();
        for (method, has_body) in [(Method::HEAD, false), (Method::GET, true), (Method::PUT, true)]
        {
            let request = Request::builder().method(&method).uri("/report");
            let request = request.body(axum::body::Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT, "{method}");
            assert_eq!(response.headers()[header::LOCATION], "https://b.test/x", "{method}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(!body.is_empty(), has_body, "{method}");
        }
    }

    proptest! {
        #[test]
        fn no_uri_breaks_out_of_its_place(
            target in "https?://[a-z]{1,8}[.]test/[!$-;=@-_a-~\"&'é]{0,24}([?][!$-;=?-~\"&'é]{0,24})?",
        ) {
            let Ok(target) = target.parse() else { return Ok(()) };
            // A backslash is refused.
            let Ok(response) = permanent_redirect(&target) else { return Ok(()) };
            prop_assert_eq!(Read::from(response.body()), Read::all(location(&response)));
            prop_assert_eq!(markup(response.body()), markup(&note("https://b.test/")));
        }
    }
}
