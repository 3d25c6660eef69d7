//! Programs of others, for as long as a test needs them.

use std::{
    fs,
    io::{ErrorKind, Read},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::net::TcpSocket;

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program, which is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    _port: TcpSocket,
    _dir: TempDir,
}

impl Program {
    /// Starts `name` with a configuration in a directory of its own, and waits until it listens.
    ///
    /// # Panics
    ///
    /// Panics if it is not installed, or does not listen: a test without it would prove nothing.
    pub(crate) fn start(
        name: &str,
        config: impl Fn(u16) -> String,
        args: impl Fn(&mut Command, &Path, &Path),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let port = reserved_port();
        let address = port.local_addr().unwrap();
        fs::write(&path, config(address.port())).unwrap();
        let spawn = |program: &str| {
            let mut command = Command::new(program);
            args(&mut command, dir.path(), &path);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
        };
        // Debian keeps servers where a user's PATH may not lead.
        let child = spawn(name).or_else(|error| match error.kind() {
            ErrorKind::NotFound => spawn(&format!("/usr/sbin/{name}")),
            _ => Err(error),
        });
        let child = child.unwrap_or_else(|error| {
            panic!("{name} does not start ({error}): apt-get install haproxy nginx-light")
        });
        let mut program = Self { child, address, _port: port, _dir: dir };
        program.wait_until_it_listens(name);
        program
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn wait_until_it_listens(&mut self, name: &str) {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let mut said = String::new();
                let _ = self.child.stderr.take().unwrap().read_to_string(&mut said);
                panic!("{name} does not listen ({ended:?}):\n{said}");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reserves a port: the program may listen at it too, but nobody gets it by chance. Both haproxy and nginx
/// set `SO_REUSEPORT`.
fn reserved_port() -> TcpSocket {
    let port = TcpSocket::new_v4().unwrap();
    port.set_reuseport(true).unwrap();
    port.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "no-such-server does not start")]
    fn a_program_that_is_not_installed_fails_the_test() {
        Program::start("no-such-server", |_| String::new(), |_, _, _| {});
    }

    #[test]
    #[should_panic(expected = "haproxy does not listen")]
    fn a_program_that_ends_fails_the_test() {
        Program::start(
            "haproxy",
            |_| String::new(),
            |command, _, config| {
                command.arg("-f").arg(config);
            },
        );
    }
}
