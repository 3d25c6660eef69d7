//! A record that goes on in a temporary file where memory ends.

use std::{
    fs::File,
    io,
    path::Path,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;

use super::{
    disk::{self, Job},
    frames::Frames,
};

/// Where content is recorded that passes the [replay limit](crate::FollowRedirectLayer::replay_limit):
/// a temporary file for each such upload.
///
/// So a one-shot upload of any size can follow a redirect that comes in the middle of it. The file is
/// made when it is needed, and nobody else can open it: on Unix it has no name from the beginning, on
/// Windows it is deleted when it is closed. It is written and read on tokio's threads for blocking
/// work, with up to 1 MiB more in memory on its way there.
///
/// Where the content passes the limit of the file too, or the file fails (a full disk), the record is
/// let go, and the upload goes on: only a redirect that comes after that is refused, with the
/// file's [`io::Error`] as its source.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, Spill};
///
/// let layer = FollowRedirectLayer::new()
///     .replay_limit(1 << 20) // in memory
///     .spill(Spill::up_to(10 << 30).directory("/var/tmp"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    limit: u64,
    /// Shared, since every call has these settings.
    directory: Option<Arc<Path>>,
}

impl Spill {
    /// Records up to so many bytes of each upload in all, in the system's directory for temporary
    /// files ([`std::env::temp_dir`]).
    pub fn up_to(bytes: u64) -> Self {
        Self { limit: bytes, directory: None }
    }

    /// Sets the directory of the files. In many systems the default one is in memory.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().into());
        self
    }

    /// Makes a file without a name. It blocks.
    fn create(&self) -> io::Result<File> {
        match &self.directory {
            Some(directory) => tempfile::tempfile_in(directory),
            None => tempfile::tempfile(),
        }
    }
}

/// How many bytes may be in memory on their way to the file.
const UNWRITTEN: u64 = 1 << 20;

/// A record whose first part is in a file, and whose rest is on its way there.
pub(super) struct Spilled {
    settings: Spill,
    disk: Disk,
    /// What follows the bytes in the file, with those that are being written.
    unwritten: Frames,
    reading: Option<Reading>,
}

enum Disk {
    /// Nothing is being written. The file is made with the first bytes.
    Idle {
        file: Option<Arc<File>>,
    },
    Writing {
        job: Job<Arc<File>>,
        file: Option<Arc<File>>,
        end: u64,
    },
    Failed {
        file: Option<Arc<File>>,
        error: Arc<io::Error>,
    },
}

struct Reading {
    position: u64,
    job: Job<Bytes>,
}

impl Spilled {
    pub(super) fn new(frames: Frames, settings: &Spill) -> Self {
        Self {
            settings: settings.clone(),
            disk: Disk::Idle { file: None },
            unwritten: frames,
            reading: None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.unwritten.end()
    }

    /// Returns whether it can grow no further: by its limit, or since the file failed.
    pub(super) fn exceeds_its_limit(&self) -> bool {
        self.size() > self.settings.limit || matches!(self.disk, Disk::Failed { .. })
    }

    pub(super) fn failure(&self) -> Option<Arc<io::Error>> {
        match &self.disk {
            Disk::Failed { error, .. } => Some(Arc::clone(error)),
            Disk::Idle { .. } | Disk::Writing { .. } => None,
        }
    }

    pub(super) fn push(&mut self, data: Bytes) {
        self.unwritten.push(data);
    }

    /// Writes on, and is ready when there is not too much left to write.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.disk {
                Disk::Failed { .. } => return Poll::Ready(()),
                Disk::Idle { .. } if self.unwritten.size() == 0 => return Poll::Ready(()),
                Disk::Idle { file } => {
                    let file = file.take();
                    self.disk = self.write(file);
                }
                Disk::Writing { job, file, end } => match job.poll(cx) {
                    Poll::Pending if self.unwritten.size() > UNWRITTEN => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(()),
                    Poll::Ready(Ok(file)) => {
                        self.unwritten.forget_before(*end);
                        self.disk = Disk::Idle { file: Some(file) };
                    }
                    // What was written before can still be read.
                    Poll::Ready(Err(error)) => {
                        self.disk = Disk::Failed { file: file.take(), error: Arc::new(error) };
                    }
                },
            }
        }
    }

    /// Begins to write all that is unwritten.
    fn write(&self, file: Option<Arc<File>>) -> Disk {
        let (settings, opened) = (self.settings.clone(), file.clone());
        let (pieces, start) = (self.unwritten.pieces(), self.unwritten.start());
        let job = Job::start(move || {
            let file = match opened {
                Some(file) => file,
                None => Arc::new(settings.create()?),
            };
            let mut position = start;
            for piece in pieces {
                disk::write_all_at(&file, &piece, position)?;
                position += piece.len() as u64;
            }
            Ok(file)
        });
        Disk::Writing { job, file, end: self.unwritten.end() }
    }

    /// Reads some of the record from `position` on.
    pub(super) fn poll_at(
        &mut self,
        position: u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        if let Some(data) = self.unwritten.at(position) {
            return Poll::Ready(Ok(data));
        }
        if self.reading.as_ref().is_none_or(|reading| reading.position != position) {
            self.reading = Some(self.read(position));
        }
        let reading = self.reading.as_mut().expect("it was begun");
        let read = ready!(reading.job.poll(cx));
        self.reading = None;
        Poll::Ready(read)
    }

    fn read(&self, position: u64) -> Reading {
        let (Disk::Idle { file } | Disk::Writing { file, .. } | Disk::Failed { file, .. }) =
            &self.disk;
        let file = file.clone().expect("what is no longer in memory is in the file");
        let end = self.unwritten.start();
        Reading { position, job: Job::start(move || disk::read(&file, position, end)) }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn piece(position: u64, size: u64) -> Bytes {
        (position..position + size).map(|byte| byte as u8).collect()
    }

    /// Fills a record with pieces of all sizes, and waits until so much of it is written.
    async fn record(pieces: u64, written: u64) -> Spilled {
        let mut record = Spilled::new(Frames::default(), &Spill::up_to(u64::MAX));
        for size in 1..=pieces {
            record.push(piece(record.size(), size));
            // A job is under way when the next piece comes.
            poll_fn(|cx| record.poll_room(cx)).await;
        }
        while record.unwritten.start() < written {
            poll_fn(|cx| record.poll_room(cx)).await;
            tokio::task::yield_now().await;
        }
        record
    }

    async fn read(record: &mut Spilled, position: u64) -> Bytes {
        poll_fn(|cx| record.poll_at(position, cx)).await.unwrap()
    }

    #[tokio::test]
    async fn every_byte_is_read_wherever_it_is() {
        for pieces in [1, 2, 40] {
            let size = pieces * (pieces + 1) / 2;
            for written in [0, 1, size] {
                let mut record = record(pieces, written).await;
                assert_eq!(record.size(), size);
                for start in [0, size / 3, size - 1] {
                    let mut position = start;
                    while position < size {
                        let data = read(&mut record, position).await;
                        assert_eq!(data, piece(position, data.len() as u64), "at {position}");
                        position += data.len() as u64;
                    }
                    assert_eq!(position, size, "from {start}, with {written} written");
                }
            }
        }
    }

    /// So it is when another hop takes over.
    #[tokio::test]
    async fn a_read_that_nobody_waits_for_is_not_given_to_another() {
        let mut record = record(20, 210).await;
        record.reading = Some(record.read(0));
        assert_eq!(read(&mut record, 100).await[0], 100);
        assert_eq!(read(&mut record, 0).await[0], 0);
    }

    #[tokio::test]
    async fn what_is_on_its_way_to_the_file_is_bounded() {
        let mut record = Spilled::new(Frames::default(), &Spill::up_to(u64::MAX));
        for _ in 0..64 {
            record.push(Bytes::from(vec![0; 256 * 1024]));
            poll_fn(|cx| record.poll_room(cx)).await;
            assert!(record.unwritten.size() <= UNWRITTEN, "{}", record.unwritten.size());
        }
    }

    #[tokio::test]
    async fn a_file_that_fails_loses_nothing_that_was_read() {
        let settings = Spill::up_to(u64::MAX).directory("/nowhere/at/all");
        let mut record = Spilled::new(Frames::default(), &settings);
        record.push(piece(0, 5));
        while record.failure().is_none() {
            poll_fn(|cx| record.poll_room(cx)).await;
            tokio::task::yield_now().await;
        }
        assert!(record.exceeds_its_limit());
        record.push(piece(5, 5));
        assert_eq!(read(&mut record, 0).await, piece(0, 5));
        assert_eq!(read(&mut record, 7).await, piece(7, 3));
    }

    #[test]
    fn without_a_runtime_the_file_fails() {
        let mut record = Spilled::new(Frames::default(), &Spill::up_to(u64::MAX));
        record.push(piece(0, 5));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(record.poll_room(&mut context).is_ready());
        assert!(record.failure().is_some());
    }
}
