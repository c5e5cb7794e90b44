//! Secrets that the gateway does not keep itself: where they are read, how long they are used, and where they may go.

mod data_reference;
mod end_to_end;
mod fake_ibm;
mod ibm;
mod ibm_sdks;
mod no_way_out;
pub mod openbao;
mod resolve;
mod vault;
mod vault_faults;
mod world;
