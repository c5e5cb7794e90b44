//! Credentials -> caller.
//!
//! Here: who a request comes from, by its headers and the snapshot alone, the tokens that API keys can be exchanged for, and
//! those of issuers: no database is asked, and nothing is kept but how many wrong keys came from where, and the keys of
//! issuers, which are fetched here. Not here: what the caller may do (`state::Caller`), which the edges check; the endpoints
//! that hand out tokens (`rest::identity`); which issuers there are (`admin`). Imports `state`, `secrets` and floor 0;
//! imported by the edges.

mod api_key;
mod claims;
mod issuer;
mod jwt;
mod key_set;
mod throttle;
mod token;

pub use api_key::Authenticator;
pub use token::Token;
