//! Files and folders that only the gateway's own user may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::Path,
};

/// Makes the folder and its parents where they are missing. A folder that exists keeps its mode.
///
/// # Errors
/// Those of the file system.
pub fn create_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens the file for reading and writing, and makes it where it is missing.
///
/// # Errors
/// Those of the file system.
pub fn open(path: &Path) -> io::Result<File> {
    options().create(true).truncate(false).read(true).open(path)
}

/// Writes the whole file so that after a crash either the old or the new content is there.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    write_as(path, content, |_| Ok(()))
}

/// The same in place of a file that is there, with its owner and its mode.
///
/// # Errors
/// Those of the file system. Then the old content is there.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let old = fs::metadata(path)?;
    write_as(path, content, |file| {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())
    })
}

fn write_as(path: &Path, content: &[u8], dress: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    // Left by a crash; made anew so that its mode is right.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options().create_new(true).open(&beside)?;
    let written = file
        .write_all(content)
        .and_then(|()| dress(&file))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // It may hold a secret. What counts is the first error.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // The rename itself is durable only when the folder is.
    match path.parent() {
        Some(folder) if folder == Path::new("") => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Whether users other than the owner may read or change the file.
///
/// # Errors
/// Those of the file system.
pub fn open_to_others(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
