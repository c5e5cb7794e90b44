//! Sluicegate: a gateway to foundation models of many vendors.

pub mod address;
pub mod clock;
pub mod config;
pub mod error;
pub mod http;
pub mod metrics;
pub mod private_file;
pub mod proto;
pub mod secret;
pub mod task;
pub mod wire;
pub mod providers;
pub mod secrets;
pub mod store;
pub mod state;
pub mod upstream;
pub mod admin;
pub mod auth;
pub mod gateway;
