//! Garage: a production server, which has a region and insists on it.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{BUCKET, REGION};

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Garage with one bucket, which is killed when it is dropped.
pub struct Garage {
    program: PathBuf,
    dir: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Garage {
    /// Only this form of key can be imported.
    pub const ACCESS_KEY: &str = "GK31c2f218a2e44f485b94239e";
    pub const SECRET_KEY: &str = "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835";

    /// Starts the program at this path.
    ///
    /// # Panics
    ///
    /// Panics if it does not start, or refuses a command.
    pub fn start(program: impl Into<PathBuf>) -> Self {
        let (program, dir) = (program.into(), tempfile::tempdir().unwrap());
        let [api, rpc, admin] = [(); 3].map(|()| free_port());
        let root = dir.path().display();
        let config = format!(
            r#"
            metadata_dir = "{root}/meta"
            data_dir = "{root}/data"
            db_engine = "sqlite"
            replication_factor = 1
            rpc_bind_addr = "127.0.0.1:{rpc}"
            rpc_public_addr = "127.0.0.1:{rpc}"
            rpc_secret = "1799bccfd7411eddcf9ebd316bc1f5287ad12a68094e1c6ac6abde7e6feae1ec"
            [s3_api]
            s3_region = "{REGION}"
            api_bind_addr = "127.0.0.1:{api}"
            root_domain = ".s3.{REGION}.amazonaws.com"
            [admin]
            api_bind_addr = "127.0.0.1:{admin}"
            "#
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        let mut server = Command::new(&program);
        server.arg("-c").arg(dir.path().join("config")).arg("server");
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let address = SocketAddr::from(([127, 0, 0, 1], api));
        let garage = Self { program, dir, child, address };
        garage.wait();
        garage.set_up();
        garage
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn wait(&self) {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            assert!(began.elapsed() < PATIENCE, "garage does not listen");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn set_up(&self) {
        let id = self.command(&["node", "id", "-q"]);
        let id = id.split('@').next().unwrap().trim().to_owned();
        self.command(&["layout", "assign", "-z", "dc1", "-c", "1G", &id]);
        self.command(&["layout", "apply", "--version", "1"]);
        self.command(&["key", "import", "--yes", Self::ACCESS_KEY, Self::SECRET_KEY]);
        self.command(&["bucket", "create", BUCKET]);
        let access = ["--read", "--write", "--owner", BUCKET, "--key", Self::ACCESS_KEY];
        self.command(&[&["bucket", "allow"], &access[..]].concat());
    }

    fn command(&self, args: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        let output = command.arg("-c").arg(self.dir.path().join("config")).args(args).output();
        let output = output.unwrap();
        assert!(output.status.success(), "garage {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
