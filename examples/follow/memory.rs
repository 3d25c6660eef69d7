//! `--permanent-cache`: what is remembered from one run to the next.

use std::{fs, io, path::PathBuf};

use tower_follow_redirect::policy::{PermanentCache, permanent::Snapshot};

use crate::{cli::Cli, failure::Failure};

/// The redirects of a file, and those that this run adds.
pub(crate) struct Memory {
    path: PathBuf,
    cache: PermanentCache,
}

impl Memory {
    /// Reads the file that `--permanent-cache` names. One that is missing or empty is as good as new; one
    /// that holds something else is not touched.
    pub(crate) fn load(cli: &Cli) -> Result<Option<Self>, Failure> {
        let Some(path) = cli.permanent_cache.clone() else { return Ok(None) };
        let cache = PermanentCache::new();
        match fs::metadata(&path) {
            Ok(file) if file.len() == 0 => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => {
                let snapshot = Snapshot::load(&path);
                cache.restore(snapshot.map_err(|error| Failure::read(&path.display(), &error))?);
            }
        }
        Ok(Some(Self { path, cache }))
    }

    pub(crate) fn cache(&self) -> PermanentCache {
        self.cache.clone()
    }

    /// Writes what is remembered now.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let saved = self.cache.snapshot().save(&self.path);
        saved.map_err(|error| Failure::write(&self.path.display(), &error))
    }
}
