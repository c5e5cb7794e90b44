//! Files of the operator that may change while the gateway runs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::digest::{Digest, SHA256, digest};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// How often they are looked at. They are small, and reading them also sees what only a link points elsewhere for, as
/// container platforms change mounted files.
const EVERY: Duration = Duration::from_secs(1);

/// Tells when the contents of files change, or when the operator asks by SIGHUP to look at them.
#[derive(Debug)]
pub struct FileWatch {
    paths: Vec<PathBuf>,
    seen: Vec<Option<Vec<u8>>>,
    hangup: Signal,
}

impl FileWatch {
    /// Watches the files from what they hold now.
    ///
    /// # Errors
    /// When the signal cannot be waited for.
    pub async fn new(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self> {
        let hangup = signal(SignalKind::hangup())
            .map_err(|cause| Error::internal("cannot wait for the signal to reload", cause))?;
        let paths: Vec<_> = paths.into_iter().collect();
        let seen = look(&paths).await;
        Ok(Self { paths, seen, hangup })
    }

    /// Waits until one of them holds something else, and has held it for as long as it takes to look again: who writes
    /// two files, or one in several pieces, is done by then. With the signal it waits for nothing.
    pub async fn changed(&mut self) {
        let mut before = self.seen.clone();
        loop {
            let asked = tokio::select! {
                _ = self.hangup.recv() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let now = look(&self.paths).await;
            if asked || (now == before && now != self.seen) {
                self.seen = now;
                return;
            }
            before = now;
        }
    }
}

async fn look(paths: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    futures_util::future::join_all(paths.iter().map(|path| fingerprint(path))).await
}

/// `None`: it cannot be read.
async fn fingerprint(path: &Path) -> Option<Vec<u8>> {
    // It may hold a private key.
    let bytes = Zeroizing::new(tokio::fs::read(path).await.ok()?);
    let hash: Digest = digest(&SHA256, &bytes);
    Some(hash.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::FileWatch;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once_however_the_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        std::fs::write(&path, "1").unwrap();
        let mut watch = FileWatch::new([path.clone()]).await.unwrap();
        std::fs::write(&path, "2").unwrap();
        watch.changed().await;
        let other = folder.path().join("other");
        std::fs::write(&other, "3").unwrap();
        std::fs::rename(&other, &path).unwrap();
        watch.changed().await;
        let quiet = tokio::time::timeout(std::time::Duration::from_secs(60), watch.changed()).await;
        assert!(quiet.is_err());
    }
}
