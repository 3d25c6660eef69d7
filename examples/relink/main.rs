//! `relink`: brings a list of bookmarks up to date, where servers say that something moved for good.
//!
//! ```sh
//! cargo run --example relink                            # bookmarks of its own, and their servers
//! cargo run --example relink -- bookmarks.json          # the new list on standard output
//! cargo run --example relink -- --write bookmarks.json  # … and in place of the old one
//! ```
//!
//! The file is `[{"title": …, "url": …}, …]`, and what else an entry has is kept. What changed, and what
//! did not and why, is said on standard error. A link is changed only if what it leads to is there, and
//! if only the ones who may say so have said so: a hotel's network that redirects everything to its
//! login page, permanently, has cost feed readers all their subscriptions.
//!
//! `decision` is what is done about an answer; `net` gets it; `demo` plays the servers.

mod decision;
mod demo;
mod net;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Parser;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tower::BoxError;

use crate::{decision::Decision, net::Net};

/// Replaces bookmarks by what they were permanently redirected to.
#[derive(Debug, Parser)]
#[command(name = "relink")]
struct Cli {
    /// A JSON list of `title` and `url`; without it, a demonstration
    file: Option<PathBuf>,

    /// Replace the file, instead of printing the new list
    #[arg(long, requires = "file")]
    write: bool,
}

/// One entry of the list.
#[derive(Debug, Deserialize, Serialize)]
struct Bookmark {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    url: String,
    /// What we know nothing of, and must not lose.
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let cli = Cli::parse();
    let (net, mut bookmarks) = match &cli.file {
        Some(file) => (Net::internet()?, read(file)?),
        None => (demo::start().await?, demo::bookmarks()),
    };
    let changed = relink(&net, &mut bookmarks).await;
    match cli.file {
        Some(file) if cli.write && changed > 0 => write_back(&file, &bookmarks)?,
        // It stays as it is, to the byte.
        Some(_) if cli.write => {}
        _ => println!("{}", serde_json::to_string_pretty(&bookmarks)?),
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Bookmark>, BoxError> {
    let list = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let list = serde_json::from_slice(&list);
    Ok(list.map_err(|error| format!("{} is no list of bookmarks: {error}", file.display()))?)
}

/// Asks for one after the other, and returns how many have changed.
async fn relink(net: &Net, bookmarks: &mut [Bookmark]) -> usize {
    let mut changed = 0;
    for (index, bookmark) in bookmarks.iter_mut().enumerate() {
        let name = bookmark.title.clone().unwrap_or_else(|| format!("bookmark {}", index + 1));
        match check(net, &bookmark.url).await {
            Decision::Relink(target) => {
                eprintln!("changed    {name}: it is at {} now", decision::shown(&target));
                bookmark.url = decision::link(&target);
                changed += 1;
            }
            Decision::Keep(reason) => eprintln!("unchanged  {name}: {reason}"),
        }
    }
    eprintln!("{changed} of {} changed", bookmarks.len());
    changed
}

async fn check(net: &Net, url: &str) -> Decision {
    let asked = match decision::parse(url) {
        Ok(asked) => asked,
        Err(reason) => return Decision::Keep(reason),
    };
    match net.fetch(&asked).await {
        Ok(head) => decision::decide(&asked, &head),
        Err(reason) => Decision::Keep(reason),
    }
}

/// Replaces the file at once: whoever reads it, or pulls the plug, finds the old list or the new one.
fn write_back(file: &Path, bookmarks: &[Bookmark]) -> io::Result<()> {
    // A symbolic link stays one.
    let file = fs::canonicalize(file)?;
    let directory = file.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut new = NamedTempFile::new_in(directory)?;
    new.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    let mut writer = io::BufWriter::new(&mut new);
    serde_json::to_writer_pretty(&mut writer, bookmarks)?;
    writeln!(writer)?;
    writer.flush()?;
    drop(writer);
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_replaced_and_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bookmarks.json");
        fs::write(&file, r#"[{"tags": ["x"], "url": "https://a.test/"}]"#).unwrap();
        let mut bookmarks = read(&file).unwrap();
        bookmarks[0].url = "https://b.test/".into();
        write_back(&file, &bookmarks).unwrap();

        let written: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(written, serde_json::json!([{"tags": ["x"], "url": "https://b.test/"}]));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "a temporary file was left");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_mode_and_a_symbolic_link_its_nature() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("list"), directory.path().join("link"));
        fs::write(&file, "[]").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_back(&link, &[]).unwrap();

        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "[]\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bookmarks.json");
        for list in ["", "{}", r#"[{"title": "no URL"}]"#, r#"[{"url": 1}]"#] {
            fs::write(&file, list).unwrap();
            assert!(read(&file).is_err(), "{list}");
        }
        assert!(read(&directory.path().join("nowhere")).is_err());
    }
}
