//! Other ways to a server: TLS, a unix socket, a password.

use std::{fs, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::time::timeout;
use tower_follow_redirect::policy::permanent::shared::{Change, Changes, SharedStore};
use tower_follow_redirect_redis::{
    RedisStore,
    redis::{self, Client, TlsCertificates},
};

use crate::server::Server;

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn works(client: &Client) {
    let [one, other] = [(); 2].map(|()| RedisStore::new(client.clone()));
    let mut changes = other.listen().await.unwrap();
    one.put("a", b"1".to_vec(), HOUR).await.unwrap();
    assert_eq!(other.get("a").await.unwrap().unwrap(), b"1");
    assert_eq!(other.load(10).await.unwrap().len(), 1);
    one.clear().await.unwrap();
    for change in [Change::Put { key: "a".to_owned(), value: b"1".to_vec() }, Change::Cleared] {
        assert_eq!(timeout(Duration::from_secs(1), changes.next()).await.unwrap().unwrap(), change);
    }
}

#[tokio::test]
async fn tls() {
    let directory = TempDir::new().unwrap();
    let file = |name| directory.path().join(name).to_str().unwrap().to_owned();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    fs::write(file("key"), key.serialize_pem()).unwrap();
    fs::write(file("certificate"), certificate.pem()).unwrap();
    fs::write(file("authority"), authority.pem()).unwrap();

    let server = Server::start();
    // It takes TLS on another port than that on which the test knows it.
    let port = Server::free_port();
    let config = [
        ("tls-key-file", file("key")),
        ("tls-cert-file", file("certificate")),
        ("tls-ca-cert-file", file("authority")),
        ("tls-auth-clients", "no".to_owned()),
        ("tls-port", port.to_string()),
    ];
    let mut set = redis::cmd("CONFIG");
    set.arg("SET");
    for (name, value) in &config {
        set.arg(name).arg(value);
    }
    set.exec(&mut server.connection()).unwrap();

    let url = format!("rediss://localhost:{port}/");
    let trusted = TlsCertificates { client_tls: None, root_cert: Some(authority.pem().into()) };
    works(&Client::build_with_tls(&*url, trusted).unwrap()).await;
    let distrusting = RedisStore::new(Client::open(url).unwrap());
    assert!(distrusting.get("a").await.is_err());
}

#[tokio::test]
async fn a_unix_socket() {
    let server = Server::start_with(&["--unixsocket", "socket"]);
    let path = server.directory().join("socket");
    works(&Client::open(format!("unix://{}", path.display())).unwrap()).await;
}

#[tokio::test]
async fn a_password() {
    let server = Server::start_with(&["--requirepass", "secret"]);
    let store = server.store();
    let error = store.get("a").await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("secret"));
    works(&Client::open(server.url().replace("://", "://:secret@")).unwrap()).await;
    assert!(!format!("{store:?}").contains("127.0.0.1"));
}

#[tokio::test]
async fn an_account_with_the_rights_that_the_readme_names() {
    let rights = "~fr:1:* &fr:1:* +getrange +set +unlink +scan +publish +subscribe +ping";
    assert!(include_str!("../../README.md").contains(rights));
    let server = Server::start();
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER").arg("fleet").arg("on").arg(">secret");
    user.arg(rights.split(' ').collect::<Vec<_>>()).exec(&mut server.connection()).unwrap();
    works(&Client::open(server.url().replace("://", "://fleet:secret@")).unwrap()).await;
}
