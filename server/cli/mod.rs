//! What the program does beside serving.
//!
//! Here: copies of the store, and the health check of containers. Not here: the flags (`config`). Imported by `main`
//! only.

mod health;

use crate::{
    config::{Backup, Restore},
    error::Result,
    store::{self, DataDir},
};

pub use health::ask;

/// Copies the store. Returns what to tell the operator.
///
/// # Errors
/// Those of [`store::back_up`].
pub async fn back_up(asked: &Backup) -> Result<String> {
    let copied = store::back_up(&asked.data_dir, &asked.file).await?;
    Ok(format!(
        "backed up revision {} ({} records) to {}; the master key is not in it",
        copied.revision,
        copied.records,
        asked.file.display()
    ))
}

/// Puts a copy back. Returns what to tell the operator.
///
/// # Errors
/// Those of [`store::restore`]; also where a gateway is using the data directory.
pub async fn restore(asked: &Restore) -> Result<String> {
    let dir = DataDir::open(&asked.data_dir)?;
    let copied = store::restore(&dir, &asked.file, asked.replace).await?;
    Ok(format!(
        "restored revision {} ({} records) into {}; it needs the master key with which it was sealed",
        copied.revision,
        copied.records,
        asked.data_dir.display()
    ))
}
