//! Reads one stream of the dialect, for chat and for completions alike.
//!
//! A stream is finished by `[DONE]`, or, of vendors that may not send it, by its end after every choice has given its finish
//! reason. Whatever chunks the upstream puts usage in, it leaves here once, on the last chunk.

use std::{collections::BTreeMap, mem};

use pbjson_types::Timestamp;

use super::{Quirks, answer};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{ChatChunk, CompleteChunk, Role, Usage},
    providers::{ChunkDecoder, Flow, failure, teller::truncated},
    wire::{
        Frame,
        json::{self, Extras, Malformed},
        openai::{chat, completion, error, read_usage},
    },
};

const DONE: &[u8] = b"[DONE]";

/// What the decoder needs to know of a chunk.
pub(super) trait Chunk: Default + Send {
    /// Reads chunks; keeps what chunks refer back to.
    type Reader: Send;

    fn reader() -> Self::Reader;
    fn read(reader: &mut Self::Reader, data: &[u8]) -> Result<Self, Malformed>;
    fn id(&mut self) -> &mut String;
    fn model(&mut self) -> &mut String;
    fn create_time(&mut self) -> &mut Option<Timestamp>;
    fn usage(&mut self) -> &mut Option<Usage>;
    fn extras(&mut self) -> &mut Extras;
    fn is_without_choices(&self) -> bool;
    /// Puts into the first chunk of each choice what the vendor has left out.
    fn begin(&mut self, is_first: impl Fn(i32) -> bool);
    /// For each choice in it: its index, and whether it has its finish reason.
    fn finishes(&self) -> impl Iterator<Item = (i32, bool)>;
    /// Takes the finish reason from choices that had theirs before.
    fn finish_once(&mut self, had: impl Fn(i32) -> bool);
}

/// Reads one stream.
pub(super) struct Decoder<C: Chunk> {
    always_says_done: bool,
    counts_apart: bool,
    reader: C::Reader,
    /// Id, model and time as the upstream first gave them.
    id: String,
    model: String,
    create_time: Option<Timestamp>,
    /// Chunks without an id that came before the first with one.
    nameless: Vec<C>,
    /// Whether each choice seen has finished.
    finished: BTreeMap<i32, bool>,
    /// The newest usage.
    usage: Option<Usage>,
    /// The chunk without choices in which it came; it goes out last.
    last: Option<C>,
}

// === impl Decoder ===

impl<C: Chunk> Decoder<C> {
    /// For a vendor with these quirks.
    pub(super) fn new(quirks: &Quirks) -> Self {
        Self {
            always_says_done: quirks.always_says_done,
            counts_apart: quirks.counts_apart,
            reader: C::reader(),
            id: String::new(),
            model: String::new(),
            create_time: None,
            nameless: Vec::new(),
            finished: BTreeMap::new(),
            usage: None,
            last: None,
        }
    }

    /// Whether the end of the body may be the end of the answer.
    fn may_end(&self) -> bool {
        !self.always_says_done
            && !self.finished.is_empty()
            && self.finished.values().all(|finished| *finished)
    }

    /// Gives the chunk the identity of its stream, and takes what only the whole stream can tell.
    fn take(&mut self, mut chunk: C, out: &mut Vec<C>) {
        chunk.begin(|index| !self.finished.contains_key(&index));
        // DeepSeek on Azure repeats it in a chunk without content.
        chunk.finish_once(|index| self.finished.get(&index).is_some_and(|finished| *finished));
        for (index, finished) in chunk.finishes() {
            *self.finished.entry(index).or_default() |= finished;
        }
        // Only Azure's first chunk and some imitations say something else here, and callers rely on the usual word.
        chunk.extras().remove("object");
        self.identify(&mut chunk);
        let usage = chunk.usage().take();
        let is_last = usage.is_some() && chunk.is_without_choices();
        if usage.is_some() {
            self.usage = usage;
        } else if self.usage.is_none() {
            self.usage = groq_usage(chunk.extras());
        }
        if is_last {
            self.last = Some(chunk);
        } else if !chunk.is_without_choices() {
            self.release(out);
            out.push(chunk);
        } else if !chunk.extras().is_empty() {
            if self.id.is_empty() { self.nameless.push(chunk) } else { out.push(chunk) }
        }
    }

    /// The first id, model and time that are not empty stand on every chunk.
    fn identify(&mut self, chunk: &mut C) {
        if self.id.is_empty() {
            self.id.clone_from(chunk.id());
        }
        if self.model.is_empty() {
            self.model.clone_from(chunk.model());
        }
        if self.create_time.is_none() {
            self.create_time.clone_from(chunk.create_time());
        }
        chunk.id().clone_from(&self.id);
        chunk.model().clone_from(&self.model);
        chunk.create_time().clone_from(&self.create_time);
    }

    fn release(&mut self, out: &mut Vec<C>) {
        for mut chunk in mem::take(&mut self.nameless) {
            self.identify(&mut chunk);
            out.push(chunk);
        }
    }

    /// Nothing more comes: what was held back goes out, usage last. What a broken answer has cost counts as well.
    fn drain(&mut self, out: &mut Vec<C>) {
        self.release(out);
        let Some(mut usage) = self.usage.take() else { return };
        if self.counts_apart {
            answer::count_together(&mut usage);
        }
        let mut last = self.last.take().unwrap_or_default();
        self.identify(&mut last);
        *last.usage() = Some(usage);
        out.push(last);
    }
}

/// Groq's own place for usage, which it fills even where the usual one stays empty.
fn groq_usage(extras: &Extras) -> Option<Usage> {
    let mut usage = None;
    let read = json::Reader::over(extras.get("x_groq")?).object(|reader, name| match name {
        "usage" => {
            usage = Some(read_usage(reader)?);
            Ok(())
        }
        _ => reader.skip(),
    });
    usage.filter(|_| read.is_ok())
}

impl<C: Chunk> ChunkDecoder<C> for Decoder<C> {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<C>) -> Result<Flow> {
        if frame.data.trim_ascii() == DONE {
            if self.finished.is_empty() {
                let message = "the provider ended its stream without an answer";
                return Err(Error::new(Reason::ProviderBadAnswer, message));
            }
            self.drain(out);
            return Ok(Flow::Finished);
        }
        if frame.event == "error" {
            self.drain(out);
            return Err(failure::of_stream(error::read(frame.data)));
        }
        let mut chunk = C::read(&mut self.reader, frame.data).map_err(Malformed::in_answer)?;
        if failure::is_error(chunk.extras()) {
            self.drain(out);
            return Err(failure::of_stream(error::read(frame.data)));
        }
        self.take(chunk, out);
        Ok(Flow::More)
    }

    fn end(&mut self, out: &mut Vec<C>) -> Result<()> {
        self.drain(out);
        if !self.may_end() {
            return Err(truncated());
        }
        Ok(())
    }
}

// === impl Chunk ===

macro_rules! fields {
    () => {
        fn id(&mut self) -> &mut String {
            &mut self.id
        }

        fn model(&mut self) -> &mut String {
            &mut self.model
        }

        fn create_time(&mut self) -> &mut Option<Timestamp> {
            &mut self.create_time
        }

        fn usage(&mut self) -> &mut Option<Usage> {
            &mut self.usage
        }

        fn extras(&mut self) -> &mut Extras {
            &mut self.extra_json
        }

        fn is_without_choices(&self) -> bool {
            self.choices.is_empty()
        }

        fn finishes(&self) -> impl Iterator<Item = (i32, bool)> {
            let choices = self.choices.iter();
            choices.map(|choice| {
                (choice.index, choice.finish_reason != 0 || !choice.finish_reason_text.is_empty())
            })
        }

        fn finish_once(&mut self, had: impl Fn(i32) -> bool) {
            for choice in self.choices.iter_mut().filter(|choice| had(choice.index)) {
                choice.finish_reason = 0;
                choice.finish_reason_text.clear();
            }
        }
    };
}

impl Chunk for ChatChunk {
    type Reader = chat::ChunkReader;

    fn reader() -> Self::Reader {
        chat::ChunkReader::that_splits_thinking()
    }

    fn read(reader: &mut Self::Reader, data: &[u8]) -> Result<Self, Malformed> {
        reader.read(data)
    }

    fn begin(&mut self, is_first: impl Fn(i32) -> bool) {
        for choice in self.choices.iter_mut().filter(|choice| is_first(choice.index)) {
            if choice.role == 0 && choice.role_text.is_empty() {
                choice.role = Role::Assistant.into();
            }
        }
    }

    fields!();
}

impl Chunk for CompleteChunk {
    type Reader = ();

    fn reader() {}

    fn read((): &mut (), data: &[u8]) -> Result<Self, Malformed> {
        completion::read_chunk(data)
    }

    fn begin(&mut self, _: impl Fn(i32) -> bool) {}

    fields!();
}
