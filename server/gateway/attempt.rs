//! One try at one target: ask, send, read. For a stream: until its first content.

use std::collections::VecDeque;

use futures_util::{StreamExt as _, future::BoxFuture};

use super::{
    balance::Lease,
    operation::{Operation, Streaming},
};
use crate::{
    error::{Error, Result},
    providers::{Scope, UpstreamModel},
    state::Target,
    upstream::{ChunkStream, Driver, Pace},
};

/// A call costs at most this many attempts.
pub(super) const MAX_ATTEMPTS: usize = 3;

/// An upstream that sends more than this before any content is passed on as it comes.
const MAX_HELD: usize = 64;

/// A stream that is being opened, then the stream. Dropping it closes the upstream call and gives the lease back.
pub(super) enum Opening<C> {
    /// Waiting for the first content.
    Waiting(BoxFuture<'static, Result<Box<Open<C>>>>),
    /// The first content came.
    Open(Box<Open<C>>),
}

/// A stream that has given its first content, or ended without any.
pub(super) struct Open<C> {
    /// Chunks up to the first content.
    pub(super) held: VecDeque<C>,
    /// The rest.
    pub(super) rest: ChunkStream<C>,
    /// Falls with the stream, not with its head: a long stream is not an idle target.
    lease: Lease,
    driver: Driver,
}

/// Asks for one answer. Gives it with the members of the request that the provider could not take.
pub(super) async fn unary<O: Operation>(
    driver: &Driver,
    lease: Lease,
    request: &O::Request,
    scope: &Scope,
    mut pace: Pace,
) -> Result<(O::Response, Vec<&'static str>)> {
    let target = lease.target();
    let (adapter, upstream) = (target.upstream.provider_type.adapter, &target.upstream);
    let to = upstream_model(target, scope, false);
    let mut outbound = O::outbound(adapter, request, &to).map_err(|error| explain(driver, target, error))?;
    let dropped = std::mem::take(&mut outbound.dropped);
    let answer = async {
        let body = driver.send(upstream, outbound, &pace).await?;
        let head = body.head().clone();
        let body = driver.collect(upstream, body, &mut pace).await?;
        O::response(adapter, &head, &body, &to)
    };
    answer.await.map(|response| (response, dropped)).map_err(|error| explain(driver, target, error))
}

/// Asks for a stream. Nothing is sent before [`Opening::wait`].
pub(super) fn stream<O: Streaming>(
    driver: &Driver,
    lease: Lease,
    request: &O::Request,
    scope: &Scope,
    pace: Pace,
) -> Result<(Opening<O::Chunk>, Vec<&'static str>)> {
    let target = lease.target();
    let adapter = target.upstream.provider_type.adapter;
    let to = upstream_model(target, scope, true);
    let mut outbound = O::outbound(adapter, request, &to).map_err(|error| explain(driver, target, error))?;
    let decoder = O::decoder(adapter, &to).map_err(|error| explain(driver, target, error))?;
    let framing = adapter.framing();
    let dropped = std::mem::take(&mut outbound.dropped);
    let driver = driver.clone();
    let opening = async move {
        let body = driver.send(&lease.target().upstream, outbound, &pace).await;
        let body = body.map_err(|error| explain(&driver, lease.target(), error))?;
        let mut rest = ChunkStream::new(body, framing, decoder, pace, driver.tasks().clone());
        let mut held = VecDeque::new();
        while held.len() < MAX_HELD {
            let Some(chunk) = rest.next().await else { break };
            let chunk = chunk.map_err(|error| explain(&driver, lease.target(), error))?;
            let content = O::has_content(&chunk);
            held.push_back(chunk);
            if content {
                break;
            }
        }
        rest.content();
        Ok(Box::new(Open { held, rest, lease, driver }))
    };
    Ok((Opening::Waiting(Box::pin(opening)), dropped))
}

/// The adapter's view of the target.
fn upstream_model<'a>(target: &'a Target, scope: &'a Scope, stream: bool) -> UpstreamModel<'a> {
    UpstreamModel { id: &target.upstream_id, stream, settings: &target.upstream.settings, scope }
}

/// Says in the error who was asked for what, and takes our credentials out of it.
fn explain(driver: &Driver, target: &Target, error: Error) -> Error {
    driver.explain(&target.upstream, error).model(&target.model_name)
}

// === impl Opening ===

impl<C> Opening<C> {
    /// Resolves when the first content came. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> Result<()> {
        if let Self::Waiting(opening) = self {
            *self = Self::Open(opening.as_mut().await?);
        }
        Ok(())
    }
}

// === impl Open ===

impl<C> Open<C> {
    /// An error of the stream as callers may see it.
    pub(super) fn explain(&self, error: Error) -> Error {
        explain(&self.driver, self.lease.target(), error)
    }
}
