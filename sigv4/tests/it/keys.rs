//! Keys are signed as S3 reads them.

use http::Request;
use http_body_util::Full;
use tower::BoxError;

use crate::support::{authorization, sign, signer};

async fn signature(path: &str) -> Result<String, BoxError> {
    let request = Request::get(format!("https://quotes.s3.amazonaws.com{path}"));
    let head = sign(signer(), request.body(Full::default())?).await?;
    // What is signed may be written otherwise, what is sent may not.
    assert_eq!(head.uri.path_and_query().map(|it| it.as_str()), Some(path));
    Ok(authorization(&head.headers, "Signature").to_owned())
}

#[tokio::test]
async fn another_way_to_write_a_key_has_the_same_signature() -> Result<(), BoxError> {
    let table = [
        ("/a%20b", "/a%20%62"),
        ("/it's(1)!*", "/it%27s%281%29%21%2A"),
        ("/a+b@c:d;e=f,g$h&i", "/a%2Bb%40c%3Ad%3Be%3Df%2Cg%24h%26i"),
        ("/%e2%82%ac", "/%E2%82%AC"),
        ("/a%2Fb", "/a/b"),
        ("/k?rk=8d47490b", "/k?rk=8d47490%62"),
        ("/k?acl", "/k?acl="),
    ];
    for (one, other) in table {
        assert_eq!(signature(one).await?, signature(other).await?, "{one} {other}");
    }
    Ok(())
}

#[tokio::test]
async fn another_key_has_another_signature() -> Result<(), BoxError> {
    let keys =
        ["/a/b", "/a//b", "//a/b", "/./a/b", "/a/./b", "/a/c/../b", "/a/b/", "/A/b", "/a%252Fb"];
    let queries = ["/a/b?rk=8d47490b", "/a/b?rk=8d47490c", "/a/b?rk=", "/a/b?a=%2B", "/a/b?a=%20"];
    let mut signatures = Vec::new();
    for path in keys.into_iter().chain(queries) {
        signatures.push(signature(path).await?);
    }
    let count = signatures.len();
    signatures.sort();
    signatures.dedup();
    assert_eq!(signatures.len(), count);
    Ok(())
}
