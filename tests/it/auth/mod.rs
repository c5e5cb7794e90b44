//! Who calls: keys, tokens, how they are sent and had, and what becomes of wrong ones.

mod exchange;
mod headers;
mod issuers;
mod rotation;
mod throttle;
