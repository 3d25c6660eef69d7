//! Which addresses are public: against the tables of netaddr.

use std::net::IpAddr;

use tower_follow_redirect::policy::private::{AddressKind, IpNet};

const ADDRESSES: &str = include_str!("../../vectors/addresses-netaddr.txt");
const MISFITS: &str = include_str!("../../vectors/addresses-netaddr-misfits.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A network in which we say otherwise, and why.
struct Misfit<'a> {
    net: IpNet,
    why: &'a str,
    met: bool,
}

#[test]
fn what_netaddr_takes_for_public_is_public_save_in_the_listed_networks() {
    let mut misfits: Vec<_> = lines(MISFITS)
        .map(|line| {
            let (net, why) = line.split_once("  ").expect("a reason");
            Misfit { net: net.parse().unwrap(), why, met: false }
        })
        .collect();
    let (mut same, mut others) = (0, Vec::new());
    for line in lines(ADDRESSES) {
        let (text, theirs) = line.split_once(' ').unwrap();
        let address: IpAddr = text.parse().unwrap();
        let found = AddressKind::of(address);
        let ours = if found.is_none() { "public" } else { "special" };
        let misfit = misfits.iter_mut().find(|misfit| misfit.net.contains(&address));
        match misfit {
            Some(misfit) if ours != theirs => misfit.met = true,
            Some(misfit) => panic!("{text} is {ours}, as listed it is not: {}", misfit.why),
            None if ours == theirs => same += 1,
            None => others.push((text, found)),
        }
    }
    assert_eq!(others, [], "they are not listed");
    for misfit in misfits {
        assert!(misfit.met, "{} is not in the fixture", misfit.net);
    }
    assert_eq!(same, 1093, "the fixture is whole");
}
