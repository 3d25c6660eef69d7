//! Runs the program.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    #[track_caller]
    pub fn succeeds(&self, stdout: &str) {
        assert_eq!((self.code, &*self.stdout), (0, stdout), "{}", self.stderr);
    }

    /// It failed, and said why in one line.
    #[track_caller]
    pub fn fails(&self, code: i32, why: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.starts_with("follow: "), "{}", self.stderr);
        assert!(self.stderr.contains(why), "{why} is not in {}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
    }
}

pub fn follow(args: &[&str]) -> Run {
    follow_with(args, "")
}

/// Runs the program with this on its standard input.
pub fn follow_with(args: &[&str], input: &str) -> Run {
    run(Command::new(program()), args, input)
}

/// Runs the program in a folder.
pub fn follow_in(folder: &Path, args: &[&str]) -> Run {
    let mut program = Command::new(program());
    program.current_dir(folder);
    run(program, args, "")
}

fn run(mut program: Command, args: &[&str], input: &str) -> Run {
    let mut child = without_wishes(&mut program)
        // A program that hangs is a failure, too; a test's own limit comes later, and wins.
        .args(["--max-time", "10"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo builds the examples with the tests");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeding = thread::spawn(move || {
        // The program need not read it.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program on a terminal that `script` lends, where somebody types an answer, and returns what is shown.
#[cfg(target_os = "linux")]
pub fn follow_on_a_terminal(environment: &[(&str, &str)], args: &[&str], answer: &str) -> String {
    let quoted = args.iter().map(|arg| format!(" '{arg}'")).collect::<String>();
    let command = format!("{} --max-time 10{quoted}", program().display());
    let mut script = Command::new("script");
    let mut script = without_wishes(&mut script)
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .envs([("SHELL", "/bin/sh"), ("TERM", "xterm-256color")])
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux is installed");
    script.stdin.as_mut().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Takes away what whoever runs the tests wishes of colours and widths.
///
/// It is all that `anstream` and `clap` look at, and `CI` is part of it.
fn without_wishes(program: &mut Command) -> &mut Command {
    let names =
        ["CI", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "TERM"];
    for name in names {
        program.env_remove(name);
    }
    program
}

/// `target/debug/examples/follow`, next to `target/debug/deps/follow-…`, which is this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join("examples").join("follow").with_extension(std::env::consts::EXE_EXTENSION)
}

/// A file of one test.
pub struct Scratch {
    pub path: PathBuf,
}

impl Scratch {
    pub fn file(name: &str, content: &str) -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("follow-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        Self { path }
    }

    pub fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.path.parent().expect("it is in a folder of its own")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.folder());
    }
}
