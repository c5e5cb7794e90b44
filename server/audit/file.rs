//! Every event as a line of a file, for systems that collect such.
//!
//! The file follows the log in the store: what was committed is read from there and appended. So nothing is missing from
//! it after a crash, and a store that was put back to an earlier day does not fit it any more.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    error::{Error, Result},
    private_file,
    proto::v1::AuditEvent,
    state::State,
    task::Tasks,
};

/// When to try again where the file cannot be written.
const AGAIN: Duration = Duration::from_secs(2);
/// No line is longer: before and after are 64 KiB each, and every letter may be escaped twice.
const MAX_LINE: u64 = 4 << 20;

/// Copies the log to a file.
pub struct EventFile {
    path: PathBuf,
    state: State,
    end: watch::Receiver<i64>,
    hangup: Signal,
    file: Option<File>,
    /// Number of the event that was written last. `None`: not known yet.
    written: Option<i64>,
    failing: bool,
}

impl EventFile {
    /// A copy at this path.
    ///
    /// # Errors
    /// When SIGHUP cannot be waited for.
    pub fn new(path: PathBuf, state: State) -> Result<Self> {
        let hangup = signal(SignalKind::hangup()).map_err(|cause| {
            Error::internal("cannot wait for the signal to open the audit file anew", cause)
        })?;
        let end = state.audit_end();
        Ok(Self { path, state, end, hangup, file: None, written: None, failing: false })
    }

    /// Writes whatever comes, until the gateway ends. SIGHUP opens the file anew, after it was moved away.
    pub async fn run(mut self, tasks: Tasks) {
        loop {
            self.end.mark_unchanged();
            let outcome = self.catch_up().await;
            // Told once, not every time.
            if let (Err(error), false) = (&outcome, self.failing) {
                tracing::error!(%error, cause = error.cause().map(tracing::field::display), path = %self.path.display(), "the audit file cannot be written; it is tried again");
            }
            self.failing = outcome.is_err();
            if self.failing {
                // Whatever it holds now is looked at before the next line.
                self.file = None;
            }
            tokio::select! {
                () = tasks.stopping() => break,
                _ = self.hangup.recv() => self.file = None,
                () = tokio::time::sleep(AGAIN), if self.failing => {}
                Ok(()) = self.end.changed(), if !self.failing => {}
            }
        }
        if let Err(error) = self.catch_up().await {
            tracing::error!(%error, "the last events are not in the audit file; the next start adds them");
        }
    }

    /// Appends what is missing.
    async fn catch_up(&mut self) -> Result<()> {
        loop {
            let written = match (&self.file, self.written) {
                (Some(_), Some(written)) => written,
                (Some(_) | None, _) => self.open().await?,
            };
            let events = self.state.audit_events_after(written).await?;
            let Some(last) = events.last().map(|event| event.sequence) else { return Ok(()) };
            let Some(file) = self.file.take() else { return Ok(()) };
            self.file = Some(blocking(move || append(file, &events)).await?);
            self.written = Some(last);
        }
    }

    /// Opens the file, cuts off a line that a crash has left half, and finds out where to go on.
    async fn open(&mut self) -> Result<i64> {
        let path = self.path.clone();
        let (file, line) = blocking(move || {
            let mut file = private_file::open(&path)?;
            let line = last_line(&mut file)?;
            Ok((file, line))
        })
        .await?;
        let written = match (line, self.written) {
            (None, Some(written)) => written,
            // A new file gets all that there is.
            (None, None) => 0,
            (Some(line), _) => self.place_of(&line).await?,
        };
        (self.file, self.written) = (Some(file), Some(written));
        Ok(written)
    }

    /// Number of the event that was written last, where the log still has it. Where it has not, the store was put back to an
    /// earlier day: all that it has is written again, so that nothing is missing.
    async fn place_of(&self, line: &[u8]) -> Result<i64> {
        let Ok(event) = serde_json::from_slice::<AuditEvent>(line) else {
            return Err(Error::internal("the audit file does not end with an event; move it away", ""));
        };
        let sequence = event.sequence;
        let here = self.state.audit_events_after(sequence.saturating_sub(1)).await?;
        match here.first() {
            Some(stored) if stored.sequence == sequence && stored.hash == event.hash => Ok(sequence),
            // Retention has removed it: what came after it is all that there is.
            Some(stored) if stored.sequence > sequence => Ok(sequence),
            Some(_) | None => {
                tracing::warn!(
                    sequence,
                    "the audit file ends with an event that the store has not: it was put back; all that it has is written again"
                );
                Ok(0)
            }
        }
    }
}

/// The disk may be slow, and the workers have calls to serve.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|cause| Error::internal("the gateway is stopping", cause))?;
    done.map_err(|cause| Error::internal("the audit file cannot be used", cause))
}

fn append(mut file: File, events: &[AuditEvent]) -> io::Result<File> {
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    file.seek(SeekFrom::End(0))?;
    file.write_all(&lines)?;
    file.sync_data()?;
    Ok(file)
}

/// The last whole line. What stands after it is cut off.
fn last_line(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(2 * MAX_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    (&mut *file).take(2 * MAX_LINE).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole == 0 && start > 0 {
        return Err(io::Error::other("its last line is longer than any event; move it away"));
    }
    if whole < tail.len() {
        file.set_len(start + u64::try_from(whole).unwrap_or_default())?;
    }
    tail.truncate(whole.saturating_sub(1));
    let begin = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = tail.split_off(begin);
    Ok((!line.is_empty()).then_some(line))
}
