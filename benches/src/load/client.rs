//! A caller, over either edge.

use super::{Ask, Protocol, Server, grpc, rest};
use crate::Result;

/// gRPC shares a connection between calls, as its clients do.
const CALLS_OF_A_CONNECTION: usize = 16;

/// One caller, who makes one call at a time.
pub(super) enum Client {
    Rest(rest::Client),
    Grpc(Box<grpc::Client>),
}

impl Client {
    /// Connects `count` callers that ask for `ask`.
    pub(super) async fn connect(server: &Server, ask: Ask, count: usize) -> Result<Vec<Self>> {
        let mut clients = Vec::with_capacity(count);
        match server.protocol {
            Protocol::Rest => {
                let request = rest::request(server, ask);
                for _ in 0..count {
                    let client = rest::Client::connect(server.address, request.clone()).await?;
                    clients.push(Self::Rest(client));
                }
            }
            Protocol::Grpc => {
                while clients.len() < count {
                    let first = grpc::Client::connect(server, ask).await?;
                    let share = CALLS_OF_A_CONNECTION.min(count - clients.len());
                    clients.extend((0..share).map(|_| Self::Grpc(Box::new(first.clone()))));
                }
            }
        }
        Ok(clients)
    }

    /// Calls, and checks the answer.
    ///
    /// # Errors
    /// Why it is not the one that the upstream gave.
    pub(super) async fn call(&mut self) -> Result<()> {
        match self {
            Self::Rest(client) => client.call().await,
            Self::Grpc(client) => client.call().await,
        }
    }

    /// Calls for a stream and reads it to its end; gives the clock of every chunk to `seen`, and
    /// stops where that says so.
    ///
    /// # Errors
    /// Why it did not end as the upstream ended it.
    pub(super) async fn stream(&mut self, seen: impl FnMut(u64) -> bool) -> Result<()> {
        match self {
            Self::Rest(client) => client.stream(seen).await,
            Self::Grpc(client) => client.stream(seen).await,
        }
    }
}
