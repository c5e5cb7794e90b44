//! Credentials -> caller.
//!
//! Here: who a request comes from, by its headers and the snapshot alone: no database is asked. Not here: what the
//! caller may do (`state::Caller`), which the edges check. Imports `state`, `secrets` and floor 0; imported by the edges.

mod api_key;

pub use api_key::Authenticator;
