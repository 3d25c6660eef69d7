//! Plays a vector, and compares what comes of it with what must.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_follow_redirect::{
    RefusalKind,
    policy::{S3, Standard, s3::Foreign},
};

use super::{
    client::{Found, call},
    server::Received,
    signer,
    vectors::{Decision, Fields, Redirect, Response, Signature},
};
use crate::{url::Url, words::Differences};

/// Plays a redirect.
///
/// # Errors
///
/// Fails if the vector cannot be played.
pub async fn redirect(vector: &Redirect) -> Result<Differences, String> {
    let options = &vector.options;
    let mut policy = S3::new();
    if let Some(max) = options.max_redirects {
        policy = policy.max_redirects(max);
    }
    for domain in &options.custom_domains {
        policy = policy.domain(domain);
    }
    let found = play(vector, policy).await?;
    let mut differ = Differences::default();
    match vector.expect.decision {
        Decision::Follow => follows(vector, &found, &mut differ),
        Decision::Stop => stops(vector, &found, &mut differ),
        Decision::Pass => {
            let without = play(vector, Standard).await?;
            differ.equal("end", Some(&without.end), &found.end);
            differ.equal("requests", Some(&without.requests), &found.requests);
        }
    }
    Ok(differ)
}

async fn play(
    vector: &Redirect,
    policy: impl tower_follow_redirect::Policy,
) -> Result<Found, String> {
    let Redirect { request, response, options, .. } = vector;
    let region = options.signed_region.clone().unwrap_or_else(|| "us-east-1".into());
    let mut script = earlier_hops(&request.url, options.hops);
    let first = script.first_mut().map(|hop| std::mem::take(&mut hop.0));
    let script = script.into_iter().map(|(_, hop)| hop).chain([response.clone()]).collect();
    let request = make_request(
        &request.method,
        first.as_ref().unwrap_or(&request.url),
        request.headers.clone(),
        request.body.as_deref().unwrap_or_default(),
    )?;
    call(policy, options.resigner.then_some(region), request, script).await
}

/// Returns redirects from one temporary endpoint to the next, and then to `url`: each with the URL
/// that it answers.
fn earlier_hops(url: &str, count: usize) -> Vec<(String, Response)> {
    let at = |hop: usize| match hop {
        hop if hop < count => url.replacen(".s3.", &format!(".s3-hop{hop}."), 1),
        _ => url.to_owned(),
    };
    let redirect = |to: String| Response {
        status: 307,
        headers: BTreeMap::from([("location".to_owned(), to)]),
        body: None,
    };
    (0..count).map(|hop| (at(hop), redirect(at(hop + 1)))).collect()
}

fn make_request(
    method: &str,
    url: &str,
    headers: BTreeMap<String, String>,
    body: &str,
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let body = Full::from(body.to_owned());
    request.body(body).map_err(|error| format!("request: {error}"))
}

fn follows(vector: &Redirect, found: &Found, differ: &mut Differences) {
    differ.equal("requests", Some(vector.options.hops + 2), found.requests.len());
    let Some(next) = &vector.expect.next else { return differ.add("the vector has no `next`") };
    let Some(last) = found.requests.last() else { return };
    differ.equal("method", Some(&*next.method), last.method.as_str());
    differ.equal("url", Some(Url::parse(&next.url).0.to_string()), last.url.clone());
    let region = found.regions.last().cloned().flatten();
    differ.equal("region", Some(next.region.as_deref()), region.as_deref());
    let sent = vector.request.body.as_deref().unwrap_or_default();
    differ.equal("content", Some(sent.as_bytes()), last.content.as_deref().unwrap_or_default());
    match &found.end {
        Ok(end) => differ.equal("status", Some(200), end.status.as_u16()),
        Err(error) => differ.add(error),
    }
    for (name, value) in &vector.request.headers {
        let is_signed =
            vector.options.resigner && matches!(&**name, "authorization" | "x-amz-date");
        if !is_signed {
            differ.extend(lost(name, value, last));
        }
    }
}

fn stops(vector: &Redirect, found: &Found, differ: &mut Differences) {
    differ.equal("requests", Some(vector.options.hops + 1), found.requests.len());
    let end = match &found.end {
        Ok(end) => end,
        Err(error) => return differ.add(error),
    };
    differ.equal("status", Some(vector.response.status), end.status.as_u16());
    differ.equal("refusal", Some(Some(RefusalKind::Policy)), end.refusal);
    if end.refused.is_none() {
        differ.add("S3 gives no reason");
    }
    if vector.request.method != "HEAD" {
        let body = vector.response.body.as_deref().unwrap_or_default();
        differ.equal("body", Some(body.as_bytes()), &*end.body);
    }
}

fn lost(name: &str, value: &str, request: &Received) -> Option<String> {
    let found: Vec<_> = request.headers.get_all(name).iter().collect();
    (found != [value]).then(|| format!("{name}: expected {value:?}, found {found:?}"))
}

/// Sends fields to another host, and looks what becomes of them.
///
/// # Errors
///
/// Fails if the vector cannot be played.
pub async fn fields(vector: &Fields) -> Result<Differences, String> {
    const FROM: &str = "quotes.s3.amazonaws.com";
    let (host, foreign) = match vector.signature {
        Signature::None | Signature::V2 | Signature::V4 => {
            ("quotes.s3.eu-west-1.amazonaws.com", Foreign::Stop)
        }
        Signature::Any => ("evil.example.com", Foreign::Delegate),
    };
    let sent = |name: &str| match name {
        "host" => FROM.into(),
        "content-length" => "6".into(),
        "expect" => "100-continue".into(),
        "authorization" if vector.signature == Signature::V4 => "AWS4-HMAC-SHA256 stale".into(),
        "authorization" => "AWS AK:signature".into(),
        name => format!("{name} as sent"),
    };
    let headers = vector.request_headers.iter().map(|name| (name.clone(), sent(name))).collect();
    let request = make_request("PUT", &format!("http://{FROM}/k"), headers, "ha ha\n")?;
    let to = Response {
        status: 307,
        headers: BTreeMap::from([("location".into(), format!("http://{host}/k"))]),
        body: None,
    };
    let policy = S3::new().foreign(foreign);
    let region = (vector.signature == Signature::V4).then(|| "us-east-1".to_owned());
    let found = call(policy, region, request, vec![to]).await?;

    let mut differ = Differences::default();
    differ.equal("requests", Some(2), found.requests.len());
    let Some(last) = found.requests.get(1) else { return Ok(differ) };
    differ.equal("content", Some(&b"ha ha\n"[..]), last.content.as_deref().unwrap_or_default());
    for name in &vector.kept_verbatim {
        differ.extend(lost(name, &sent(name), last));
    }
    for name in &vector.regenerated {
        let anew = match &**name {
            "host" => host,
            "authorization" => signer::SIGNED,
            "x-amz-date" => signer::DATE,
            other => return Err(format!("nothing regenerates {other}")),
        };
        differ.extend(lost(name, anew, last));
    }
    for name in vector.removed.iter().filter(|name| last.headers.contains_key(&***name)) {
        differ.add(format!("{name} has come to {}", last.url));
    }
    Ok(differ)
}
