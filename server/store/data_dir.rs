//! The directory that holds everything durable, used by one gateway at a time.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Reason, Result},
    private_file,
};

/// How long another holder may take to let go. One that was just ended does so at once, but a process that somebody is
/// starting holds whatever its parent has open until it becomes another program.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

/// A data directory that this process holds. Another process gets it when this value is dropped or the process ends,
/// however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The lock lives as long as the file is open.
    _lock: File,
}

impl DataDir {
    /// Makes the directory where it is missing, and takes it.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when another gateway has it, or the file system refuses.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_free(path)?.ok_or_else(|| {
            Error::new(
                Reason::FailedPrecondition,
                format!(
                    "another gateway is using the data directory {}; stop it, or choose another with --data-dir",
                    path.display()
                ),
            )
        })
    }

    /// As [`DataDir::open`]; `None` when another gateway has it.
    ///
    /// # Errors
    /// [`Reason::FailedPrecondition`] when the file system refuses.
    pub fn open_free(path: &Path) -> Result<Option<Self>> {
        let refused = |cause: std::io::Error| {
            Error::new(
                Reason::FailedPrecondition,
                format!("the data directory {} cannot be used: {cause}", path.display()),
            )
        };
        private_file::create_dir(path).map_err(refused)?;
        let lock = private_file::open(&path.join("lock")).map_err(refused)?;
        match lock_soon(&lock) {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(refused(cause)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a store was made here before.
    #[must_use]
    pub fn has_store(&self) -> bool {
        // Where it cannot be known, the careful answer: there is one.
        fs::exists(self.store_path()).unwrap_or(true)
    }

    /// Where the store's file is.
    pub(super) fn store_path(&self) -> PathBuf {
        Self::store_in(&self.path)
    }

    /// Where the store's file of a directory is that another process may hold.
    pub(super) fn store_in(path: &Path) -> PathBuf {
        path.join("sluicegate.db")
    }
}

fn lock_soon(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}
