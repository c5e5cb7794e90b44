//! The audit log beside the changes, which `state` commits together with their events.
//!
//! Here: refused calls on their way into the log, the file that every event is copied to, and the removal of old events.
//! Not here: what an event says, and how the log is known to be whole (`state`), who may read it (`admin`). Imports `state`
//! and floor 0; imported by the edges and by the composition root.

mod file;
mod journal;
mod pending;
mod retention;

pub use file::EventFile;
pub use journal::{Journal, JournalWriter, journal};
pub use retention::retain;
