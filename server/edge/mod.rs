//! One port for gRPC, gRPC-Web and REST.
//!
//! Here: the listener, TLS, the choice of protocol, request id, CORS, limits on what comes in, who calls, how errors look,
//! and the probes. Not here: RPC services (`grpc`), REST routes (`rest`). Both of those import this folder; it imports
//! neither. The composition root joins all three.

mod body;
mod entrance;
mod error;
mod frames;
mod listener;
mod port;
mod probe;
mod served;
mod socket;
mod tls;

pub use body::{MAX_BODY_BYTES, read, read_within};
pub use entrance::{Arrival, Entrance, Serves};
pub use error::{answer, report, rest, status};
pub use listener::serve;
pub use port::{Edge, Options};
pub use probe::Serving;
pub use served::{not_enforced, served_headers};
pub use tls::Tls;

#[cfg(test)]
mod tests;
