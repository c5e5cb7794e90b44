//! One test binary: the gateway over its live port.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "what a test does not expect fails it; its modules see each other only; it has settings of its own"
)]

mod abuse;
mod admin;
mod audit;
mod auth;
mod authority;
mod bad_input;
mod balance;
mod canary;
mod cli;
mod connection;
mod documents;
mod event_stream;
mod fakes;
mod faults;
mod fuzz;
mod grpc;
mod hardening;
mod ibm;
mod ibm_sdks;
mod incidents;
mod overload;
mod pages;
mod parity;
mod peers;
mod permissions;
mod program;
mod providers;
mod rest;
mod same_state;
mod secrets;
mod seed;
mod shape;
mod streaming;
mod support;
mod tls;
mod vendors;
mod watsonx;
