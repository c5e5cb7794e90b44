//! No secret leaves the gateway by a way that is not made for it: not in its log, its answers, its metrics, its files.

mod ask;
mod debug;
mod detector;
mod proof;
mod sinks;
mod slots;
pub mod suite;
mod upstream;

pub use detector::Detector;
