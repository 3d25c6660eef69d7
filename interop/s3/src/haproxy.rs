//! haproxy as the front end of S3.

use std::net::SocketAddr;

use crate::{Store, program::Program};

/// Redirects by the host; see `peers/haproxy.cfg`.
pub struct Haproxy {
    program: Program,
}

impl Haproxy {
    /// Starts it in front of a store.
    pub fn start(store: &Store) -> Self {
        let config = |port: u16| {
            include_str!("../peers/haproxy.cfg")
                .replace("{port}", &port.to_string())
                .replace("{store}", &store.address().port().to_string())
        };
        let program = Program::start("haproxy", config, |command, _, config| {
            command.arg("-db").arg("-f").arg(config);
        });
        Self { program }
    }

    pub fn address(&self) -> SocketAddr {
        self.program.address()
    }
}
