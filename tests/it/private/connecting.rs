//! Over real sockets: where a name leads is looked at when it is connected to.

use std::{
    future::{Ready, ready},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    vec,
};

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::Empty;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::{TcpListener, TcpStream};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, ReplayBody,
    connect::{PublicConnector, PublicResolver},
    policy::{DenyPrivateNetworks, Standard, private::NotPublic},
};

use crate::support::{
    eventually, get,
    raw::{OK, Server, redirect},
    text,
};

type Resolver = Scripted;
type Connector = PublicConnector<HttpConnector<PublicResolver<Resolver>>>;

/// Gives the addresses of a name in turn, one at each lookup, and the last ever after.
#[derive(Clone)]
struct Scripted {
    answers: Arc<[&'static [IpAddr]]>,
    lookups: Arc<AtomicUsize>,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Nobody has it: TEST-NET-1, taken for public in these tests.
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

impl Scripted {
    fn of(answers: &[&'static [IpAddr]]) -> Self {
        Self { answers: answers.into(), lookups: Arc::default() }
    }

    fn next(&self) -> &'static [IpAddr] {
        let number = self.lookups.fetch_add(1, Ordering::SeqCst);
        self.answers[number.min(self.answers.len() - 1)]
    }

    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl Service<Name> for Scripted {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        let addresses: Vec<_> = self.next().iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        ready(match addresses.is_empty() {
            true => Err(io::Error::other("there is no such name")),
            false => Ok(addresses.into_iter()),
        })
    }
}

/// A policy to which the address of nobody is public.
fn deny() -> DenyPrivateNetworks {
    DenyPrivateNetworks::new().allow_net(PUBLIC.into())
}

async fn fetch<C, P>(connector: C, policy: P, uri: &str) -> Result<StatusCode, BoxError>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
    P: Policy + 'static,
{
    let client: Client<C, ReplayBody<Empty<Bytes>>> =
        Client::builder(TokioExecutor::new()).build(connector);
    let response = FollowRedirectLayer::new().with_policy(policy).layer(client).oneshot(get(uri));
    let response = response.await?;
    let status = response.status();
    text(response).await;
    Ok(status)
}

/// Says that it is there, and counts.
async fn target() -> Server {
    Server::start(|mut connection, _| async move {
        while connection.head().await.is_some() {
            connection.say(OK).await;
        }
    })
    .await
}

/// Redirects everything.
async fn front(location: String) -> Server {
    Server::start(move |mut connection, _| {
        let location = location.clone();
        async move {
            while connection.head().await.is_some() {
                connection.say(redirect(302, &location)).await;
            }
        }
    })
    .await
}

/// Nobody has connected: a listener accepts in order, so one that comes now must be the first.
async fn is_untouched(server: &Server) {
    let before = server.connections();
    let _mine = TcpStream::connect(server.addr).await.unwrap();
    eventually("my own connection is accepted", || server.connections() > before).await;
    assert_eq!(server.connections(), 1, "it was connected to");
}

/// Ways to name this host that some parser or resolver takes for it.
const SPELLINGS: [&str; 9] = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "017700000001",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "localhost",
    "localhost.",
];

#[tokio::test]
async fn every_spelling_leads_there_without_the_policy_and_none_with_it() {
    let system = GaiResolver::new;
    for spelling in SPELLINGS {
        let server = target().await;
        let uri = format!("http://{spelling}:{}/", server.addr.port());
        // Not every system's resolver knows a final dot.
        if spelling != "localhost." {
            let found = fetch(HttpConnector::new(), Standard, &uri).await;
            assert_eq!(found.unwrap(), StatusCode::OK, "{spelling} is no way there");
            assert_eq!(server.connections(), 1, "{spelling}");
        }

        let server = target().await;
        let uri = format!("http://{spelling}:{}/", server.addr.port());
        let entry = front(uri.clone()).await;
        let allowed = deny().allow_host(entry.addr.to_string());
        // The policy alone, at a redirect and at the first request; then the connector alone.
        let found = fetch(HttpConnector::new(), allowed.clone(), &entry.url("/")).await;
        assert_eq!(found.unwrap(), StatusCode::FOUND, "{spelling}");
        let error = fetch(HttpConnector::new(), deny().every_request(), &uri).await.unwrap_err();
        assert!(NotPublic::of(&*error).is_some(), "{spelling}: {error}");
        let error = fetch(deny().http_connector(), Standard, &uri).await.unwrap_err();
        assert!(NotPublic::of(&*error).is_some(), "{spelling}: {error}");
        let connector = allowed.http_connector_with(system());
        let error = fetch(connector, Standard, &entry.url("/")).await.unwrap_err();
        assert!(NotPublic::of(&*error).is_some(), "{spelling}: {error}");
        // The resolver by itself, as if the name were nothing to look at.
        let resolver = HttpConnector::new_with_resolver(deny().resolver(system()));
        if spelling.parse::<IpAddr>().is_err() && !spelling.starts_with('[') {
            let error = fetch(resolver, Standard, &uri).await.unwrap_err();
            assert!(NotPublic::of(&*error).is_some(), "{spelling}: {error}");
        }
        is_untouched(&server).await;
    }
}

#[tokio::test]
async fn the_loopback_of_ipv6_is_refused() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
        println!("there is no IPv6 here");
        return;
    };
    let uri = format!("http://[::1]:{}/", listener.local_addr().unwrap().port());
    let error = fetch(deny().http_connector(), Standard, &uri).await.unwrap_err();
    let why = NotPublic::of(&*error).unwrap().to_string();
    assert_eq!(why, "[::1] is an address of this host");
    // Whoever is first in the queue is this one.
    let mine = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, mine.local_addr().unwrap());
}

/// DNS rebinding: the name is public when it is checked, and leads here when it is connected to.
#[tokio::test]
async fn a_name_that_leads_elsewhere_when_it_is_connected_to_is_refused() {
    const ANSWERS: [&[IpAddr]; 2] = [&[PUBLIC], &[LOOPBACK]];
    let resolving = |resolver: &Scripted| {
        let resolver = resolver.clone();
        deny().every_request().resolving(move |_| {
            let addresses = resolver.next();
            async move { Ok::<_, io::Error>(addresses.iter().copied()) }
        })
    };
    // The policy alone does not hold …
    let server = target().await;
    let uri = format!("http://rebind.test:{}/", server.addr.port());
    let resolver = Scripted::of(&ANSWERS);
    let connector = HttpConnector::new_with_resolver(resolver.clone());
    let found = fetch(connector, resolving(&resolver), &uri).await;
    assert_eq!((found.unwrap(), server.connections()), (StatusCode::OK, 1));

    // … and the connector does.
    let server = target().await;
    let uri = format!("http://rebind.test:{}/", server.addr.port());
    let resolver = Scripted::of(&ANSWERS);
    let connector: Connector = deny().http_connector_with(resolver.clone());
    let error = fetch(connector, resolving(&resolver), &uri).await.unwrap_err();
    assert_eq!(resolver.lookups(), 2);
    let why = NotPublic::of(&*error).unwrap().to_string();
    assert_eq!(why, "`rebind.test` leads to addresses that are not public, or to none");
    is_untouched(&server).await;
}

#[tokio::test]
async fn a_redirect_to_a_name_that_leads_here_is_refused() {
    let server = target().await;
    let entry = front(format!("http://here.test:{}/", server.addr.port())).await;
    let deny = deny().allow_host("front.test");
    let connector = deny.http_connector_with(Scripted::of(&[&[LOOPBACK]]));
    let uri = format!("http://front.test:{}/", entry.addr.port());
    let error = fetch(connector, deny, &uri).await.unwrap_err();
    assert_eq!(NotPublic::of(&*error).unwrap().host(), "here.test");
    assert_eq!(entry.connections(), 1);
    is_untouched(&server).await;
}

/// `127.0.0.2` is denied, and nobody listens there: were it tried first, the test would not notice, but
/// were it tried at all, a listener there would.
#[tokio::test]
async fn of_an_answer_only_what_is_public_is_connected_to() {
    let public = target().await;
    let port = public.addr.port();
    let private = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    // To this policy 127.0.0.1 is public, and nothing else of loopback.
    let deny = DenyPrivateNetworks::new().allow_net(LOOPBACK.into());
    let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let addresses: &'static [IpAddr] = vec![other, LOOPBACK, other].leak();
    let connector = deny.http_connector_with(Scripted::of(&[addresses]));
    let found = fetch(connector, Standard, &format!("http://mixed.test:{port}/")).await;
    assert_eq!((found.unwrap(), public.connections()), (StatusCode::OK, 1));
    let mine = TcpStream::connect(("127.0.0.2", port)).await.unwrap();
    let (_, peer) = private.accept().await.unwrap();
    assert_eq!(peer, mine.local_addr().unwrap(), "it was connected to");
}

#[tokio::test]
async fn what_is_allowed_is_connected_to() {
    let lists: [fn(DenyPrivateNetworks, u16) -> DenyPrivateNetworks; 4] = [
        |deny, _| deny.allow_net("127.0.0.0/8".parse().unwrap()),
        |deny, _| deny.allow_host("here.test"),
        |deny, port| deny.allow_host(format!("here.test:{port}")),
        |deny, _| deny.allow_suffix(".test"),
    ];
    for allow in lists {
        let server = target().await;
        let port = server.addr.port();
        let deny = allow(DenyPrivateNetworks::new(), port).every_request();
        let connector = deny.http_connector_with(Scripted::of(&[&[LOOPBACK]]));
        let found = fetch(connector, deny, &format!("http://here.test:{port}/")).await;
        assert_eq!((found.unwrap(), server.connections()), (StatusCode::OK, 1));
    }
}

#[tokio::test]
async fn a_host_that_is_allowed_at_one_port_is_refused_at_others() {
    let server = target().await;
    let deny = DenyPrivateNetworks::new().allow_host("here.test:1");
    let connector = deny.http_connector_with(Scripted::of(&[&[LOOPBACK]]));
    let uri = format!("http://here.test:{}/", server.addr.port());
    let error = fetch(connector, Standard, &uri).await.unwrap_err();
    let why = NotPublic::of(&*error).unwrap().to_string();
    assert_eq!(why, "`here.test` is allowed at another port only");
    is_untouched(&server).await;
}

/// An error that somebody passes on says the same of a name that is there and of one that is not.
#[tokio::test]
async fn an_error_does_not_tell_what_the_network_has_answered() {
    let mut told = Vec::new();
    for answer in [&[LOOPBACK][..], &[]] {
        let answer: &'static [IpAddr] = answer.to_vec().leak();
        let connector = deny().http_connector_with(Scripted::of(&[answer]));
        let error = fetch(connector, Standard, "http://name.test:81/").await.unwrap_err();
        let mut texts = vec![format!("{error:?}")];
        let mut source = Some(&*error as &(dyn std::error::Error + 'static));
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        told.push(texts);
    }
    assert_eq!(told[0], told[1]);
}

/// TLS on top gets the URI, and the connector below has looked at it.
#[tokio::test]
async fn a_connector_on_top_sees_every_uri() {
    #[derive(Clone)]
    struct OnTop(Connector);

    impl Service<Uri> for OnTop {
        type Response = TokioIo<TcpStream>;
        type Error = BoxError;
        type Future = <Connector as Service<Uri>>::Future;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            self.0.poll_ready(cx)
        }

        fn call(&mut self, uri: Uri) -> Self::Future {
            assert_eq!(uri.scheme_str(), Some("https"));
            self.0.call(uri)
        }
    }

    let server = target().await;
    let port = server.addr.port();
    let connector = |deny: DenyPrivateNetworks| {
        let mut connector = deny.http_connector_with(Scripted::of(&[&[LOOPBACK]]));
        connector.get_mut().enforce_http(false);
        OnTop(connector)
    };
    for uri in [format!("https://127.0.0.1:{port}/"), format!("https://here.test:{port}/")] {
        let error = fetch(connector(deny()), Standard, &uri).await.unwrap_err();
        assert!(NotPublic::of(&*error).is_some(), "{error}");
    }
    is_untouched(&server).await;
    let deny = deny().allow_host("here.test");
    let uri = format!("https://here.test:{port}/");
    fetch(connector(deny), Standard, &uri).await.unwrap();
}
