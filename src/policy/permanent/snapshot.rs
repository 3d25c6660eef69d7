//! What is remembered, in a file.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{PermanentCache, record::Record, unix};

const VERSION: u32 = 1;

/// No file is read that is larger, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What a [`PermanentCache`] remembers, to be written down and read again.
///
/// It is plain data: any format of `serde` takes it, and [`save`](Self::save) writes JSON. It is as
/// secret as a browsing history.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Snapshot};
///
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("redirects.json");
/// let cache = PermanentCache::new();
/// cache.snapshot().save(&path)?;
///
/// let cache = PermanentCache::new();
/// cache.restore(Snapshot::load(&path)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Snapshot {
    version: u32,
    /// In seconds since 1970.
    created: u64,
    entries: Vec<Record>,
}

#[derive(Deserialize)]
struct Unchecked {
    version: u32,
    created: u64,
    entries: Vec<Record>,
}

impl TryFrom<Unchecked> for Snapshot {
    type Error = String;

    fn try_from(snapshot: Unchecked) -> Result<Self, String> {
        let Unchecked { version, created, entries } = snapshot;
        if version != VERSION {
            return Err(format!("version {version} of a snapshot is not known, only {VERSION} is"));
        }
        Ok(Self { version, created, entries })
    }
}

/// Shows no entry: queries and values may be secret.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version)
            .field("created", &self.created)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl PermanentCache {
    /// Returns what is remembered and fresh.
    ///
    /// What a `Vary` compares with a value that is no text is left out.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.inner.clock.now();
        let mut entries = Vec::new();
        self.inner.for_each(&mut |key, entry| {
            if entry.remaining(now) > 0 {
                entries.extend(Record::of(key, entry));
            }
        });
        Snapshot { version: VERSION, created: now, entries }
    }

    /// Adds what a snapshot holds to what is remembered, and returns how many redirects it has added.
    ///
    /// A snapshot may have been changed by anybody: what has expired is left out, and what this memory
    /// would not have remembered itself, or knows better. A store that is shared hears nothing of it: what the
    /// other processes have forgotten meanwhile does not come back to them.
    pub fn restore(&self, snapshot: Snapshot) -> usize {
        let written = snapshot.entries.into_iter().filter_map(Record::read);
        let admitted = written.filter_map(|written| self.inner.admit(written).ok());
        let news = admitted.filter(|(key, entry)| self.inner.is_news(key, entry));
        news.map(|(key, entry)| self.inner.keep(&key, &Arc::new(entry))).count()
    }
}

impl Snapshot {
    /// Returns how many redirects it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns when it was taken.
    pub fn created(&self) -> std::time::SystemTime {
        unix::time(self.created)
    }

    /// Writes it as JSON to the file `path`, which only its owner can read on Unix.
    ///
    /// The file is replaced as a whole: whoever reads it meanwhile sees the old one or the new one.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be made beside `path`, written, or renamed.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let directory = match path.parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        };
        let json = serde_json::to_vec(self)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&json)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// Reads the file `path`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, is larger than 64 MiB, or holds no snapshot of a known
    /// version.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut json = Vec::new();
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut json)?;
        if json.len() as u64 > LARGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a snapshot has at most 64 MiB",
            ));
        }
        Ok(serde_json::from_slice(&json)?)
    }
}
