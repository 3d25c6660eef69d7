//! nginx as a front end that breaks S3's promise.

use std::net::SocketAddr;

use crate::program::Program;

/// Says `100 Continue`, and then redirects; see `peers/nginx.conf`.
pub struct Nginx {
    program: Program,
}

impl Nginx {
    pub fn start() -> Self {
        let config =
            |port: u16| include_str!("../peers/nginx.conf").replace("{port}", &port.to_string());
        let program = Program::start("nginx", config, |command, dir, config| {
            command.arg("-e").arg("stderr").arg("-p").arg(dir).arg("-c").arg(config);
        });
        Self { program }
    }

    pub fn address(&self) -> SocketAddr {
        self.program.address()
    }
}
