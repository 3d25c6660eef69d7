//! What is allowed and denied.

use tower_follow_redirect::policy::{
    DenyPrivateNetworks,
    private::{AddressKind, Cause, NameKind},
};

use super::objection;

fn text(policy: &DenyPrivateNetworks, location: &str) -> String {
    objection(policy, location).map_or_else(|| "public".into(), |error| error.to_string())
}

#[test]
fn what_is_private_is_refused_in_every_spelling() {
    let loopback = "127.0.0.1 is an address of this host";
    let localhost = "`localhost` is a name of this host";
    let table = [
        ("http://b.test/", "public"),
        ("/here", "public"),
        ("http://8.8.8.8/", "public"),
        ("http://134744072/", "public"),
        ("http://[::ffff:8.8.8.8]/", "public"),
        ("http://[64:ff9b::8.8.8.8]/", "public"),
        ("http://[2606:4700::1111]/", "public"),
        ("https://127.0.0.1/", loopback),
        ("http://user@127.0.0.1:80/", loopback),
        ("//127.1", loopback),
        ("http://0x7f.1/", loopback),
        ("http://2130706433/", loopback),
        ("http://017700000001/", loopback),
        ("http://%31%32%37.0.0.1/", loopback),
        ("http://１２７。0。0。1/", loopback),
        ("http://localhost/", localhost),
        ("http://LOCALHOST.:8080/", localhost),
        ("http://ⓛocalhost/", localhost),
        ("http://a.localhost/", "`a.localhost` is a name of this host"),
        ("http://db/", "`db` is a name of one label, and none of a public host"),
        ("http://vault.internal/", "`vault.internal` is a name of a private network"),
        (
            "http://metadata.google.internal./",
            "`metadata.google.internal` is a name of a cloud's metadata",
        ),
        ("http://169.254.169.254/latest/", "169.254.169.254 is an address of a cloud's metadata"),
        ("http://168.63.129.16/", "168.63.129.16 is an address of a cloud's metadata"),
        ("http://[fd00:ec2::254]/", "[fd00:ec2::254] is an address of a cloud's metadata"),
        ("http://0.0.0.0/", "0.0.0.0 is no address of a host"),
        ("http://10.9.8.7/", "10.9.8.7 is an address of a private network"),
        ("http://100.64.0.1/", "100.64.0.1 is an address of a provider's network"),
        ("http://[::1]/", "[::1] is an address of this host"),
        (
            "http://[::ffff:127.0.0.1]/",
            "[::ffff:7f00:1] stands for 127.0.0.1, which is an address of this host",
        ),
        (
            "http://[64:ff9b::a00:1]/",
            "[64:ff9b::a00:1] stands for 10.0.0.1, which is an address of a private network",
        ),
        ("http://[2002:7f00:1::]/", "[2002:7f00:1::] is an address that stands for another"),
        ("http://[::127.0.0.1]/", "[::7f00:1] is an address that stands for another"),
    ];
    for (location, expected) in table {
        assert_eq!(text(&DenyPrivateNetworks::new(), location), expected, "{location}");
    }
}

#[test]
fn the_cause_has_a_type() {
    let policy = DenyPrivateNetworks::new();
    let cause = |location| objection(&policy, location).map(|error| error.cause().clone());
    assert!(matches!(cause("http://db/"), Some(Cause::Name(NameKind::SingleLabel))));
    let Some(Cause::Address(address, AddressKind::Loopback)) = cause("http://[::ffff:127.1.0.9]/")
    else {
        panic!("it is loopback")
    };
    assert_eq!(address.to_string(), "127.1.0.9");
}

#[test]
fn a_host_is_allowed_wherever_it_is() {
    let policy = DenyPrivateNetworks::new()
        .allow_host("LOCALHOST.")
        .allow_host("db:5432")
        .allow_host("b.test:443")
        .allow_host("127.0.0.1:8080")
        .allow_host("[::1]:8080")
        .allow_host("169.254.169.254")
        .allow_host("no host at all");
    for location in [
        "http://localhost/",
        "http://localhost:99/",
        "http://db:5432/",
        "https://b.test/",
        "http://127.1:8080/",
        "http://[0::1]:8080/",
        "http://169.254.169.254/",
        "http://c.test/",
    ] {
        assert_eq!(text(&policy, location), "public", "{location}");
    }
    for (location, expected) in [
        ("http://a.localhost/", "a name of this host"),
        ("http://db/", "`db` is allowed at another port only"),
        ("http://b.test/", "`b.test` is allowed at another port only"),
        ("http://127.0.0.1/", "an address of this host"),
        ("http://127.0.0.2:8080/", "an address of this host"),
        ("http://[::ffff:127.0.0.1]:8080/", "an address of this host"),
        ("http://[::1]/", "an address of this host"),
        ("http://10.0.0.1/", "a private network"),
    ] {
        let found = text(&policy, location);
        assert!(found.ends_with(expected), "{location}: {found}");
    }
}

#[test]
fn a_suffix_is_allowed_label_by_label() {
    let policy = DenyPrivateNetworks::new()
        .allow_suffix(".corp")
        .allow_suffix("X.internal.")
        .allow_suffix("localhost")
        .allow_suffix("")
        .allow_suffix(".")
        .allow_suffix("0.0.1");
    for location in ["http://wiki.corp/", "http://corp/", "http://a.b.x.internal/"] {
        assert_eq!(text(&policy, location), "public", "{location}");
    }
    for location in [
        "http://xcorp/",
        "http://yx.internal/",
        "http://internal/",
        "http://db/",
        "http://127.0.0.1/",
    ] {
        assert_ne!(text(&policy, location), "public", "{location}");
    }
}

#[test]
fn a_suffix_allows_every_port_of_a_host_that_is_listed_with_one() {
    let policy = DenyPrivateNetworks::new().allow_host("a.corp:8080").allow_suffix("corp");
    assert_eq!(text(&policy, "http://a.corp/"), "public");
}

#[test]
fn a_network_is_allowed_save_the_metadata_in_it() {
    let allow = |net: &str| DenyPrivateNetworks::new().allow_net(net.parse().unwrap());
    let table = [
        ("10.0.0.0/8", "http://10.1.2.3/", true),
        ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/", true),
        ("10.0.0.0/8", "http://11.0.0.1/", true),
        ("10.0.0.0/8", "http://192.168.0.1/", false),
        // Only if both are allowed.
        ("10.0.0.0/8", "http://[2002:a01:203::]/", false),
        ("2002::/16", "http://[2002:a01:203::]/", false),
        ("2002::/16", "http://[2002:808:808::]/", true),
        ("64:ff9b:1::/48", "http://[64:ff9b:1::808:808]/", true),
        ("64:ff9b:1::/48", "http://[64:ff9b:1::a01:203]/", false),
        ("fc00::/7", "http://[fd12::1]/", true),
        ("::1/128", "http://[::1]/", true),
        ("::/0", "http://[::1]/", true),
        ("::/0", "http://[::ffff:127.0.0.1]/", false),
        // What a network does not name, or not alone.
        ("127.0.0.0/8", "http://localhost/", false),
        ("0.0.0.0/0", "http://169.254.169.254/", false),
        ("169.254.0.0/16", "http://169.254.169.254/", false),
        ("169.254.0.0/16", "http://169.254.1.1/", true),
        ("fc00::/7", "http://[fd00:ec2::254]/", false),
        ("100.64.0.0/10", "http://100.100.100.200/", false),
        ("100.64.0.0/10", "http://100.100.100.201/", true),
        ("169.254.169.254/32", "http://169.254.169.254/", true),
        ("fd00:ec2::254/128", "http://[fd00:ec2::254]/", true),
    ];
    for (net, location, allowed) in table {
        let found = text(&allow(net), location);
        assert_eq!(found == "public", allowed, "{net} {location}: {found}");
    }
}

#[test]
fn what_is_denied_stays_denied() {
    let net = |net: &str| net.parse().unwrap();
    let policy = DenyPrivateNetworks::new()
        .allow_host("10.0.0.1")
        .allow_net(net("10.0.0.0/8"))
        .allow_net(net("8.8.0.0/16"))
        .deny_net(net("10.0.0.0/24"))
        .deny_net(net("8.8.8.0/24"));
    for location in ["http://10.0.1.1/", "http://8.8.4.4/"] {
        assert_eq!(text(&policy, location), "public", "{location}");
    }
    for location in ["http://10.0.0.1/", "http://8.8.8.8/", "http://[::ffff:8.8.8.8]/"] {
        let found = text(&policy, location);
        assert!(found.ends_with("is in a network that is denied"), "{location}: {found}");
    }
}

#[test]
fn a_resolver_gets_only_what_may_be_connected_to() {
    let usable = |policy: &DenyPrivateNetworks, name: &str, addresses: &[&str]| {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        policy.usable(name, addresses).map(|usable| {
            usable.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(" ")
        })
    };
    let policy = DenyPrivateNetworks::new()
        .allow_host("db:5432")
        .allow_suffix("corp")
        .allow_net("10.1.0.0/16".parse().unwrap())
        .deny_net("10.2.0.0/16".parse().unwrap());
    let all =
        ["8.8.8.8:1", "10.1.0.1:1", "10.2.0.1:1", "10.3.0.1:1", "[::1]:1", "169.254.169.254:1"];
    let table = [
        ("b.test", "8.8.8.8 10.1.0.1"),
        ("localhost", "8.8.8.8 10.1.0.1"),
        ("DB.", "8.8.8.8 10.1.0.1 10.3.0.1 ::1"),
        ("a.corp", "8.8.8.8 10.1.0.1 10.3.0.1 ::1"),
    ];
    for (name, expected) in table {
        assert_eq!(usable(&policy, name, &all).unwrap(), expected, "{name}");
    }
    // The text is the same for all of which the network has said something.
    for addresses in [&["127.0.0.1:1"][..], &[]] {
        let error = usable(&policy, "b.test", addresses).unwrap_err();
        let text = "`b.test` leads to addresses that are not public, or to none";
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), format!("NotPublic({text})"));
        let Cause::Addresses(found) = error.cause() else { panic!("{:?}", error.cause()) };
        assert_eq!(found.len(), addresses.len());
    }
}
