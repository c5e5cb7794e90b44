//! The life of a call: admit, route, attempt, meter.
//!
//! Here: everything between a request that an edge has understood and an answer that it can write. Not here: who
//! calls (`edge`, `auth`), what the configuration is (`state`), how upstreams speak (`providers`, `upstream`). Imported
//! by the edges only; never imports `admin` or `auth`.

mod admit;
mod attempt;
mod balance;
mod chunks;
mod identity;
mod meter;
mod operation;
mod route;

use std::time::Duration;

use tokio::time::Instant;

pub use self::chunks::Chunks;
use self::{
    attempt::{MAX_ATTEMPTS, Opening},
    balance::Tried,
    meter::Meter,
    operation::{Chat, Complete, Embed, Operation, Streaming},
    route::{Route, route},
};
use crate::{
    error::{Error, Result, Retry},
    metrics::UsageSender,
    proto::v1::{
        ChatChunk, ChatRequest, ChatResponse, CompleteChunk, CompleteRequest, CompleteResponse, EmbedRequest,
        EmbedResponse,
    },
    state::Call,
    upstream::{Driver, Limits, Pace},
};

/// How long the head of a streamed answer waits for the first content. Until then another target may be tried and the
/// caller may retry; after it, errors come in-band.
const HEAD_TIME: Duration = Duration::from_secs(15);

/// Sends calls to models.
pub struct Gateway {
    driver: Driver,
    limits: Limits,
    usage: UsageSender,
}

/// An answer and what served it.
#[derive(Debug)]
pub struct Answer<T> {
    /// What served the call.
    pub served: Served,
    /// The answer.
    pub body: T,
}

/// What served a call; the edges put it into headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Name of the provider.
    pub provider: String,
    /// Name of the model, as in the catalog.
    pub model: String,
    /// Attempts made, this one included.
    pub attempts: u32,
    /// Revision of the configuration.
    pub revision: i64,
    /// Members of the request that the provider could not take.
    pub dropped: Vec<&'static str>,
}

/// A stream whose head can go out.
struct Opened<C> {
    opening: Opening<C>,
    dropped: Vec<&'static str>,
    deadline: Instant,
}

impl Gateway {
    /// A gateway that sends with `driver` and reports each call to `usage`.
    #[must_use]
    pub fn new(driver: Driver, limits: Limits, usage: UsageSender) -> Self {
        Self { driver, limits, usage }
    }

    /// Answers a chat.
    ///
    /// # Errors
    /// The caller's, the provider's or ours; see the reason.
    pub async fn chat(&self, call: Call, request: ChatRequest) -> Result<Answer<ChatResponse>> {
        self.unary::<Chat>(&call, &request).await
    }

    /// Answers a chat in chunks.
    ///
    /// # Errors
    /// As [`Gateway::chat`], when the call fails before its first content; later errors stand in the stream.
    pub async fn stream_chat(&self, call: Call, request: ChatRequest) -> Result<Answer<Chunks<ChatChunk>>> {
        self.stream::<Chat>(&call, &request).await
    }

    /// Continues texts.
    ///
    /// # Errors
    /// As [`Gateway::chat`].
    pub async fn complete(&self, call: Call, request: CompleteRequest) -> Result<Answer<CompleteResponse>> {
        self.unary::<Complete>(&call, &request).await
    }

    /// Continues texts in chunks.
    ///
    /// # Errors
    /// As [`Gateway::stream_chat`].
    pub async fn stream_complete(
        &self,
        call: Call,
        request: CompleteRequest,
    ) -> Result<Answer<Chunks<CompleteChunk>>> {
        self.stream::<Complete>(&call, &request).await
    }

    /// Embeds texts.
    ///
    /// # Errors
    /// As [`Gateway::chat`].
    pub async fn embed(&self, call: Call, request: EmbedRequest) -> Result<Answer<EmbedResponse>> {
        self.unary::<Embed>(&call, &request).await
    }

    async fn unary<O: Operation>(&self, call: &Call, request: &O::Request) -> Result<Answer<O::Response>> {
        let mut meter = Meter::start(self.usage.clone(), call, O::UNARY, O::input_bytes(request));
        let answer = self.unary_metered::<O>(call, request, &mut meter).await;
        match &answer {
            Ok(answer) => meter.answered(O::usage(&answer.body)),
            Err(error) => meter.failed(error),
        }
        answer
    }

    /// Tries targets until one answers or none is left.
    async fn unary_metered<O: Operation>(
        &self,
        call: &Call,
        request: &O::Request,
        meter: &mut Meter,
    ) -> Result<Answer<O::Response>> {
        O::admit(request)?;
        let route = route(call, O::model(request))?;
        let pace = Pace::new(Instant::now(), self.limits.unary(), call.deadline);
        let mut tried = Tried::default();
        loop {
            let lease = balance::take(&route, &mut tried)?;
            meter.attempt(lease.target());
            let pace = pace.again(Instant::now());
            match attempt::unary::<O>(&self.driver, lease, request, &call.scope, pace).await {
                Ok((mut body, dropped)) => {
                    O::identify(&mut body, &meter.identity());
                    return Ok(Answer { served: meter.served(call.snapshot.revision, dropped), body });
                }
                Err(error) if may_try_another(&error, &route, &tried) => continue,
                Err(error) => return Err(error),
            }
        }
    }

    async fn stream<O: Streaming>(
        &self,
        call: &Call,
        request: &O::Request,
    ) -> Result<Answer<Chunks<O::Chunk>>> {
        let mut meter = Meter::start(self.usage.clone(), call, O::STREAM, O::input_bytes(request));
        match self.open::<O>(call, request, &mut meter).await {
            Ok(Opened { opening, dropped, deadline }) => {
                let served = meter.served(call.snapshot.revision, dropped);
                let body = Chunks::new::<O>(opening, meter, deadline, self.driver.tasks());
                Ok(Answer { served, body })
            }
            Err(error) => {
                meter.failed(&error);
                Err(error)
            }
        }
    }

    /// Tries targets until one gives content, or until the head can wait no longer.
    async fn open<O: Streaming>(
        &self,
        call: &Call,
        request: &O::Request,
        meter: &mut Meter,
    ) -> Result<Opened<O::Chunk>> {
        O::admit(request)?;
        let route = route(call, O::model(request))?;
        let start = Instant::now();
        let pace = Pace::new(start, self.limits, call.deadline);
        let mut tried = Tried::default();
        loop {
            let lease = balance::take(&route, &mut tried)?;
            meter.attempt(lease.target());
            let again = pace.again(Instant::now());
            let (mut opening, dropped) =
                attempt::stream::<O>(&self.driver, lease, request, &call.scope, again)?;
            match tokio::time::timeout_at(start + HEAD_TIME, opening.wait()).await {
                // The head goes out without content; the stream tells how it goes on.
                Err(_) | Ok(Ok(())) => return Ok(Opened { opening, dropped, deadline: pace.deadline() }),
                Ok(Err(error)) if may_try_another(&error, &route, &tried) => continue,
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

/// Another attempt may help, there is a target left for it, and the call has not cost too many already.
fn may_try_another(error: &Error, route: &Route<'_>, tried: &Tried) -> bool {
    let may_help = match error.row().retry {
        Retry::Never => false,
        Retry::OtherTarget => true,
    };
    may_help && tried.len() < route.len().min(MAX_ATTEMPTS)
}
