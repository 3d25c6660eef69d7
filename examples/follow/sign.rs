//! `--aws-sigv4` and `--user`: every hop is signed anew.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::util::{Either, option_layer};
use tower_follow_redirect::policy::s3::SigningRegion;
use tower_follow_redirect_sigv4::{Credentials, SigV4, SigV4Layer, hash_payload};
use tower_layer::Layer;

use crate::{cli::Cli, wire::Wire};

/// The wire, and a signer in front of it if the flags ask for one.
pub(crate) type Signed = Either<SigV4<Wire>, Wire>;

pub(crate) fn signed(cli: &Cli, wire: Wire) -> Signed {
    let signer = cli.aws_sigv4.as_ref().zip(cli.user.as_ref()).map(|(scope, keys)| {
        let credentials = Credentials::new(&keys.access, &keys.secret, None, None, "--user");
        SigV4Layer::new(credentials)
            .service(&scope.service)
            // As curl does: what is read from a file or standard input has no hash.
            .allow_unsigned_over_http()
    });
    option_layer(signer).layer(wire)
}

/// Gives a request the right to be signed, and the hash of content that is in memory.
pub(crate) fn prepare<B>(cli: &Cli, request: &mut Request<B>, content: Option<&Bytes>) {
    let Some(scope) = &cli.aws_sigv4 else { return };
    request.extensions_mut().insert(SigningRegion::new(scope.region.as_str()));
    if let Some(content) = content {
        let hashed = hash_payload(Request::new(Full::new(content.clone())));
        for (name, value) in hashed.headers() {
            request.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
}
