//! Where a secret could come out.

use std::{collections::BTreeMap, sync::Mutex};

/// Every place that is looked at.
pub const ALL: [&str; 9] = [
    "answers over REST",
    "answers over gRPC",
    "audit file",
    "backups",
    "commands",
    "exports",
    "files",
    "log",
    "metrics",
];

/// What came out, by place.
#[derive(Default)]
pub struct Sinks(Mutex<BTreeMap<&'static str, Vec<u8>>>);

// === impl Sinks ===

impl Sinks {
    /// Takes what came out at this place.
    pub fn add(&self, sink: &'static str, bytes: &[u8]) {
        let mut sinks = self.0.lock().expect("not poisoned");
        let all = sinks.entry(sink).or_default();
        all.extend_from_slice(bytes);
        all.push(b'\n');
    }

    /// All that came out.
    pub fn take(&self) -> BTreeMap<&'static str, Vec<u8>> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }
}
