//! TLS on the server's side.

use std::{net::TcpStream, sync::Arc};

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

pub fn server(key: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Arc<ServerConfig> {
    let certificates = vec![key.cert.der().clone()];
    let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    Arc::new(config.with_single_cert(certificates, private).unwrap())
}

pub fn accept(
    config: &Arc<ServerConfig>,
    stream: TcpStream,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream)
}
