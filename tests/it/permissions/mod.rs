//! Who may do what: every role at every RPC and every route, on both edges, against a table written by hand; and what
//! policies do to calls and to administration.

pub mod ask;
mod calls;
mod explain;
mod hidden;
mod matrix;
mod policies;
pub mod table;
pub mod world;
