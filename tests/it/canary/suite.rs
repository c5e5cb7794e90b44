//! The whole suite as a test for leaks: what its gateways log at trace level holds none of the secrets of any test.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::{LazyLock, Once},
};

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::{Layer as _, SubscriberExt as _},
};

use super::detector::Detector;

/// Of the secrets that the tests of this suite give to gateways and send to them, and of all that gateways make.
pub static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let secrets = secrets();
    let named = secrets.iter().map(|secret| (secret.as_str(), secret.as_bytes()));
    Detector::new(named).with_shapes()
});

/// Watches all that the gateways in this process log. The clients of the tests live in it too, so that only what the
/// gateway's own code logs can be told to be the gateway's; the log of a process of its own is watched whole.
pub fn watch_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ours = Targets::new().with_target("sluicegate", LevelFilter::TRACE);
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Watched).with_filter(ours);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else watches");
    });
}

/// Ends the whole suite when there is a secret in what `sink` was given.
///
/// What finds it may be any thread, whose panic would fail no test.
pub fn expect_none(sink: &str, bytes: &[u8]) {
    let leaks = DETECTOR.leaks(bytes);
    if !leaks.is_empty() {
        // Past the capture of the test's output, which is lost with the process.
        let _ = writeln!(io::stderr(), "\na secret is in {sink}: {leaks:?}");
        std::process::abort();
    }
}

/// The texts in the source of the suite that look like secrets.
pub fn secrets() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                found.extend(text.split('"').filter(|text| is_secret(text)).map(str::to_owned));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Secrets of tests begin as those of vendors do, or count to nine.
fn is_secret(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    // Flags of the command line are named after what they give.
    let telling = !text.starts_with("--")
        && (text.starts_with("sk-") || text.contains("-0123456789") || text.contains("-secret-"));
    plain && telling && text.len() >= 16
}

/// Writes nothing and looks at everything.
struct Watched;

impl Write for Watched {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        expect_none("the log", event);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Watched {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
