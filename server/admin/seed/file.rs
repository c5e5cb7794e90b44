//! The seed file on disk, and what happens when it changes.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Lookup, MAX_BYTES, Seed};
use crate::{
    clock::Clock,
    error::{Error, Result},
    file_watch::FileWatch,
    secrets::{KeyHasher, Sealer},
    state::State,
    task::Tasks,
};

/// A seed file and the gateway that it is applied to.
pub struct SeedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The variables that it may name.
    pub lookup: &'static Lookup<'static>,
    /// What it changes.
    pub state: State,
    /// Seals the credentials in it.
    pub sealer: Arc<Sealer>,
    /// Hashes the keys in it.
    pub hasher: Arc<KeyHasher>,
    /// What time it is.
    pub clock: Clock,
}

impl SeedFile {
    /// Applies it, and again whenever it changes or at SIGHUP, until the tasks are asked to end.
    ///
    /// # Errors
    /// Every problem. Then nothing is applied.
    pub async fn start(self, tasks: &Tasks) -> Result<(), Vec<Error>> {
        // First, so that no change falls between the two.
        let watch = FileWatch::new([self.path.clone()]).await.map_err(|error| vec![error])?;
        self.apply().await?;
        tasks.spawn(self.follow(watch, tasks.clone()));
        Ok(())
    }

    /// A file with problems changes nothing.
    async fn follow(self, mut watch: FileWatch, tasks: Tasks) {
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = watch.changed() => {}
            }
            for problem in self.apply().await.err().into_iter().flatten() {
                tracing::error!(%problem, "the seed file cannot be applied anew; what was before stays");
            }
        }
    }

    async fn apply(&self) -> Result<i64, Vec<Error>> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let text =
            read.map_err(|cause| vec![Error::internal("reading the seed file was broken off", cause)])?;
        let text = text.map_err(|error| vec![error])?;
        let seed = Seed { name: &self.path.display().to_string(), text: &text, lookup: self.lookup };
        seed.apply(&self.state, &self.sealer, &self.hasher, &self.clock).await
    }
}

/// The text of a seed file, without what is beyond the largest one.
///
/// # Errors
/// That it cannot be read, or is no text.
pub fn read(path: &Path) -> Result<String> {
    let fail = |cause: std::io::Error| {
        Error::invalid(path.display().to_string(), format!("cannot be read: {cause}"))
    };
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    // One more, so that it shows.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > MAX_BYTES {
        return Err(Error::invalid(path.display().to_string(), format!("has more than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|cause| {
        let place = cause.utf8_error().valid_up_to();
        Error::invalid(path.display().to_string(), format!("is no text in UTF-8, from byte {place} on"))
    })
}
