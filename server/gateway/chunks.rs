//! The streamed answer that an edge reads: the same stream, counted.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker, ready},
};

use futures_util::{Stream, StreamExt as _};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{
    attempt::Opening,
    identity::{Identified, Identity},
    meter::Meter,
    operation::Streaming,
};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::Usage,
    task::Tasks,
    upstream::Pace,
};

/// A streamed answer. `None` comes only when the upstream really finished; an error is the last item and carries what
/// was delivered before it. Dropping it closes the upstream call, gives the lease back and settles the meter.
///
/// All that happens at the deadline and at the end of the gateway as well, even where nobody polls: the reader of one
/// HTTP/2 stream may stop without its connection looking any less alive.
pub struct Chunks<C> {
    state: Shared<C>,
    /// Its drop ends the watch over the deadline.
    _watch: oneshot::Sender<()>,
}

/// Locked by the reader for each poll, and by the watch once, at the deadline.
type Shared<C> = Arc<Mutex<State<C>>>;

enum State<C> {
    Live(Box<Live<C>>),
    /// With the error that the reader has not been told yet.
    Over(Option<Error>),
}

struct Live<C> {
    stream: Opening<C>,
    meter: Meter,
    identify: fn(&mut C, &Identity<'_>),
    measure: fn(&C) -> Measure<'_>,
    /// The reader, where it waits.
    reader: Option<Waker>,
}

/// What the meter wants to know of a chunk.
struct Measure<'a> {
    content: bool,
    output_bytes: usize,
    usage: Option<&'a Usage>,
}

fn identify<O: Streaming>(chunk: &mut O::Chunk, identity: &Identity<'_>) {
    chunk.identify(identity);
}

fn measure<O: Streaming>(chunk: &O::Chunk) -> Measure<'_> {
    Measure {
        content: O::has_content(chunk),
        output_bytes: O::output_bytes(chunk),
        usage: O::chunk_usage(chunk),
    }
}

fn lock<C>(state: &Mutex<State<C>>) -> MutexGuard<'_, State<C>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the stream at its deadline, or when the gateway ends, unless it is `gone` before.
async fn watch<C>(
    state: Weak<Mutex<State<C>>>,
    deadline: Instant,
    tasks: Tasks,
    gone: oneshot::Receiver<()>,
) {
    let error = tokio::select! {
        _ = gone => return,
        () = sleep_until(deadline) => Pace::late(),
        () = tasks.cut_off() => Error::new(Reason::Overloaded, "the gateway is ending; call again"),
    };
    if let Some(state) = state.upgrade() {
        lock(&state).end(error);
    }
}

// === impl Chunks ===

impl<C: Send + Unpin + 'static> Chunks<C> {
    pub(super) fn new<O: Streaming<Chunk = C>>(
        stream: Opening<C>,
        meter: Meter,
        deadline: Instant,
        tasks: &Tasks,
    ) -> Self {
        let live = Live { stream, meter, identify: identify::<O>, measure: measure::<O>, reader: None };
        let state = Arc::new(Mutex::new(State::Live(Box::new(live))));
        let (sender, gone) = oneshot::channel();
        tasks.spawn(watch(Arc::downgrade(&state), deadline, tasks.clone(), gone));
        Self { state, _watch: sender }
    }
}

impl<C: Unpin> Stream for Chunks<C> {
    type Item = Result<C>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<C>>> {
        let mut state = lock(&self.state);
        let live = match &mut *state {
            State::Live(live) => live,
            State::Over(error) => return Poll::Ready(error.take().map(Err)),
        };
        let last = match live.poll_chunk(context) {
            Poll::Pending => {
                live.wait(context);
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(chunk))) => return Poll::Ready(Some(Ok(chunk))),
            Poll::Ready(Some(Err(error))) => Some(Err(live.fail(error))),
            Poll::Ready(None) => {
                live.meter.finished();
                None
            }
        };
        // What the stream held is given back now, not when the edge drops it.
        *state = State::Over(None);
        Poll::Ready(last)
    }
}

// === impl State ===

impl<C> State<C> {
    fn end(&mut self, error: Error) {
        let Self::Live(live) = self else { return };
        let error = live.meter.named(error);
        let error = live.fail(error);
        let reader = live.reader.take();
        *self = Self::Over(Some(error));
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

// === impl Live ===

impl<C> Live<C> {
    fn wait(&mut self, context: &Context<'_>) {
        match &mut self.reader {
            // Free where it is the same reader as before.
            Some(reader) => reader.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.meter.failed(&error);
        error.partial(self.meter.partial())
    }
}

impl<C: Unpin> Live<C> {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<C>>> {
        let mut next = ready!(self.poll_stream(context));
        if let Some(Ok(chunk)) = &mut next {
            (self.identify)(chunk, &self.meter.identity());
            let Measure { content, output_bytes, usage } = (self.measure)(chunk);
            self.meter.chunk(content, output_bytes, usage);
        }
        Poll::Ready(next)
    }

    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<C>>> {
        loop {
            let open = match &mut self.stream {
                Opening::Waiting(opening) => match ready!(opening.as_mut().poll(context)) {
                    Err(error) => return Poll::Ready(Some(Err(error))),
                    Ok(open) => {
                        self.stream = Opening::Open(open);
                        continue;
                    }
                },
                Opening::Open(open) => open,
            };
            if let Some(chunk) = open.held.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            let next = ready!(open.rest.poll_next_unpin(context));
            return Poll::Ready(next.map(|chunk| chunk.map_err(|error| open.explain(error))));
        }
    }
}
