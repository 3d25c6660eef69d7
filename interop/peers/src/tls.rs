//! A certificate for `localhost`, and who trusts it.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// Both sides' configuration, and the certificate as PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The server's.
    pub server: Arc<ServerConfig>,
    /// That of a client who trusts it alone.
    pub client: ClientConfig,
    /// For curl.
    pub pem: String,
}

impl Tls {
    /// Makes a certificate and all that uses it.
    pub fn new() -> Self {
        let key = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
        let der = key.cert.der().clone();
        let client = trusting(der.clone());
        let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).expect("a key");
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![der], private)
            .expect("they belong together");
        Self { server: Arc::new(server), client, pem: key.cert.pem() }
    }
}

/// Makes the configuration of a client who trusts a certificate alone, given as PEM.
///
/// # Panics
///
/// Panics if it is none.
pub fn trusting_pem(pem: &str) -> ClientConfig {
    trusting(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"))
}

fn trusting(certificate: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("it is one");
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}
