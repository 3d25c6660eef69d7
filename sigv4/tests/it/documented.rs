//! The examples of the S3 API reference ("Signature Calculations for the Authorization Header"), and of
//! the signature test suite.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::BoxError;
use tower_follow_redirect_sigv4::{SigV4Layer, hash_payload};

use crate::support::{HASH_OF_NOTHING, authorization, sign, signer};

async fn signature(request: Request<Full<Bytes>>) -> Result<String, BoxError> {
    let head = sign(signer(), request).await?;
    Ok(authorization(&head.headers, "Signature").to_owned())
}

#[tokio::test]
async fn get_object_is_signed_as_documented() -> Result<(), BoxError> {
    let request = Request::get("https://examplebucket.s3.amazonaws.com/test.txt")
        .header("range", "bytes=0-9")
        .body(Full::default())?;
    let head = sign(signer(), request).await?;
    assert_eq!(
        head.headers["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
    assert_eq!(head.headers["x-amz-date"], "20130524T000000Z");
    assert_eq!(head.headers["x-amz-content-sha256"], HASH_OF_NOTHING);
    Ok(())
}

#[tokio::test]
async fn put_object_is_signed_as_documented() -> Result<(), BoxError> {
    // The key has a `$`; the example has it encoded, and S3 takes either.
    for path in ["test%24file.text", "test$file.text"] {
        let request = Request::put(format!("http://examplebucket.s3.amazonaws.com/{path}"))
            .header("date", "Fri, 24 May 2013 00:00:00 GMT")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
            .body(Full::from("Welcome to Amazon S3."))?;
        let expected = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        assert_eq!(signature(hash_payload(request)).await?, expected, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn queries_are_signed_as_documented() -> Result<(), BoxError> {
    let table = [
        ("?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "?max-keys=2&prefix=J",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            "?prefix=J&max-keys=2",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ];
    for (query, expected) in table {
        let uri = format!("http://examplebucket.s3.amazonaws.com/{query}");
        assert_eq!(signature(Request::get(uri).body(Full::default())?).await?, expected, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn another_service_is_signed_by_the_common_rules() -> Result<(), BoxError> {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let signer = SigV4Layer::new(Credentials::new("AKIDEXAMPLE", secret, None, None, "test"))
        .service("service")
        .clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160));
    // `get-vanilla` and `get-slash-dot-slash-normalized` of the suite.
    for path in ["/", "/./"] {
        let request = Request::get(format!("https://example.amazonaws.com{path}"));
        let head = sign(signer.clone(), request.body(Full::default())?).await?;
        assert_eq!(
            authorization(&head.headers, "Signature"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(authorization(&head.headers, "SignedHeaders"), "host;x-amz-date");
    }
    Ok(())
}
