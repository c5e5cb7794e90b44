//! Sluicegate: a gateway to foundation models of many vendors.
//!
//! # Floors
//!
//! A file imports lower floors and its own folder, nothing else; `tests/it/shape.rs` keeps it so.
//!
//! | floor | modules | what is there |
//! |---|---|---|
//! | 5 | [`edge`], [`grpc`], [`rest`], [`telemetry`], [`app`], [`cli`] | the port and both edges; what puts everything together; administration from the command line |
//! | 4 | [`gateway`], [`admin`], [`auth`], [`audit`] | calls; changes of the configuration; who calls; who was refused |
//! | 3 | [`state`], [`upstream`] | the snapshot that calls see; the driver that sends |
//! | 2 | [`providers`], [`store`], [`secrets`] | vendors, pure; SQLite, with the audit log; sealing, and secrets that live elsewhere |
//! | 1 | [`wire`] | JSON and framings, pure |
//! | 0 | [`proto`], [`error`], [`config`], [`file_watch`], [`secret`], [`clock`], [`task`], [`renewal`], [`address`], [`http`], [`metrics`], [`places`], [`private_file`] | words |
//!
//! The protobuf messages are the domain model. REST is a translation at the edge: both edges call the same
//! [`gateway::Gateway`] and the same [`admin::Admin`].
//!
//! # The life of a streaming chat
//!
//! 1. [`edge`] takes the request from the socket, below TLS where there is a certificate, and chooses the edge by its content
//!    type. The entrance asks [`auth`] who calls, by an API key, a token for one or a token of an issuer, takes one of the
//!    places for calls, loads the snapshot once, and makes a [`state::Call`]. Who is refused here or later is told to
//!    [`audit`], which nobody waits for.
//! 2. `grpc/inference.rs` has the message as it came; `rest/openai.rs` reads OpenAI's JSON through [`wire`]. Either calls
//!    [`gateway::Gateway::stream_chat`].
//! 3. `gateway/admit.rs` refuses what no provider could answer.
//! 4. `gateway/route.rs` leaves those targets of the group that the model's name stands for which policies open to the caller
//!    ([`state::Access`], the one evaluator); `gateway/balance.rs` leases the least loaded of them.
//! 5. The target's adapter in [`providers`] turns the request into an [`providers::Outbound`]: pure.
//! 6. [`upstream`] adds the credential, sealed in the snapshot or read where it lives ([`secrets::Referenced`]), sends, keeps
//!    the time limits, and cuts the answer into frames.
//! 7. The adapter's [`providers::ChunkDecoder`] turns frames into chunks: pure.
//! 8. `gateway/meter.rs` counts them on their way to the edge and reports the call once, at its end or its drop.
//!
//! Steps 4 to 7 may be tried again with another target until the first content has come, never after. The lease and the
//! meter are fields of the stream: whatever ends it, its drop gives back what was taken.
//!
//! Everything is pulled: an edge polls the stream when its socket takes more, the stream reads the upstream when it is
//! polled. So a slow reader makes the upstream wait, and a caller that leaves closes the upstream call.
//!
//! # The life of a change
//!
//! [`admin`] plans it on the newest records, [`state::State::change`] builds the snapshot that would come of it, commits it
//! together with its audit events, publishes the snapshot, and the answer tells the revision that is live then.
//!
//! # Where to add things
//!
//! - A vendor: a row in [`providers`], a line in [`providers::REGISTRY`], a folder in `tests/fixtures`.
//! - An RPC: `proto/` with its permission, a method in [`admin`] or [`gateway`], three lines in [`grpc`], a route in
//!   [`rest`].
//! - A kind of secret manager: a file in `server/secrets/manager/`, a form in `server/secrets/resource.rs`.
//! - A reason to fail: `proto/sluicegate/v1/error_reason.proto` and its row in [`error`].
//! - A setting of the process: [`config`]. Anything that may change while it runs is a resource instead.

// floor 0
pub mod address;
pub mod clock;
pub mod config;
pub mod error;
pub mod file_watch;
pub mod http;
pub mod metrics;
pub mod places;
pub mod private_file;
pub mod proto;
pub mod renewal;
pub mod secret;
pub mod task;
// floor 1
pub mod wire;
// floor 2
pub mod providers;
pub mod secrets;
pub mod store;
// floor 3
pub mod state;
pub mod upstream;
// floor 4
pub mod admin;
pub mod audit;
pub mod auth;
pub mod gateway;
// floor 5
pub mod app;
pub mod cli;
pub mod edge;
pub mod grpc;
pub mod rest;
pub mod telemetry;
