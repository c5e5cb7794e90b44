//! What the upstream says, and how callers ask for it. The model's name is the script, so that it reaches the upstream
//! through whatever stands between.

use serde::{Deserialize, Serialize};

/// Answers a chat in one piece.
pub(crate) const CHAT: &str = "chat";
/// Answers with one vector.
pub(crate) const EMBED: &str = "embed";
/// Numbers in a vector.
pub(crate) const DIMENSIONS: usize = 1536;
/// The answer of [`CHAT`].
pub(crate) const ANSWER: &str = "A gateway stands between those who ask and those who answer. It knows the names of \
    both, counts what passes, and adds nothing of its own: what goes in at one side comes out at the other, sooner \
    than anybody would notice.\n\nThat is all there is to say about it; the rest is \"measuring\".";
/// Digits of the clock in a chunk.
const CLOCK: usize = 19;
/// What stands before the clock in the JSON of a chunk. No other event has it.
const MARK: &str = "\"content\":\"t";

/// A streamed answer: `ticks` times, `gap_ms` apart, `per_tick` chunks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) ticks: u32,
    pub(crate) gap_ms: u32,
    pub(crate) per_tick: u32,
}

/// The chunks of one tick, ready but for the clock.
pub(crate) struct Tick {
    bytes: Vec<u8>,
    clocks: Vec<usize>,
}

/// An unstreamed answer of the upstream, with its head.
pub(crate) fn chat_answer() -> Vec<u8> {
    let text = serde_json::Value::from(ANSWER);
    answer(&format!(
        r#"{{"id":"chatcmpl-B1","object":"chat.completion","created":1700000000,"model":"chat","choices":[{{"index":0,"message":{{"role":"assistant","content":{text},"refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":240,"completion_tokens":62,"total_tokens":302,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}},"system_fingerprint":"fp_1"}}"#
    ))
}

/// The answer of [`EMBED`], with its head.
pub(crate) fn embed_answer() -> Vec<u8> {
    let vector: Vec<String> = (0..DIMENSIONS).map(|at| number(at).to_string()).collect();
    let vector = vector.join(",");
    answer(&format!(
        r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":[{vector}]}}],"model":"embed","usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
    ))
}

/// A number of the vector: between -0.05 and 0.05 like those of real ones, and different from its neighbours.
pub(crate) fn number(at: usize) -> f32 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    mixed as f32 / (1 << 24) as f32 * 0.1 - 0.05
}

/// The answer to a request that the upstream does not know.
pub(crate) fn refusal() -> Vec<u8> {
    let body = r#"{"error":{"message":"the bench has no such script","type":"invalid_request_error"}}"#;
    let size = body.len();
    format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn answer(body: &str) -> Vec<u8> {
    let size = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n{body}")
        .into_bytes()
}

/// Head and first event of a streamed answer.
pub(crate) fn stream_start() -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let role = event(
        r#"[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]"#,
    );
    [head, &role].concat().into_bytes()
}

/// The end of a streamed answer.
pub(crate) fn stream_end() -> Vec<u8> {
    let finish = event(r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]"#);
    [&finish, &piece("data: [DONE]\n\n"), "0\r\n\r\n"].concat().into_bytes()
}

fn event(choices: &str) -> String {
    piece(&format!(
        "data: {{\"id\":\"chatcmpl-B2\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
         \"model\":\"stream\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\",\"choices\":{choices}}}\n\n"
    ))
}

/// Servers write each event as a piece of its own.
fn piece(event: &str) -> String {
    format!("{:x}\r\n{event}\r\n", event.len())
}

/// The model that a request asks for.
pub(crate) fn model(body: &[u8]) -> Option<&str> {
    const MEMBER: &[u8] = b"\"model\":\"";
    let rest = &body[memchr::memmem::find(body, MEMBER)? + MEMBER.len()..];
    std::str::from_utf8(&rest[..memchr::memchr(b'"', rest)?]).ok()
}

/// The clock in the event `json`, where it is a chunk of ours.
pub(crate) fn clock_in_event(json: &[u8]) -> Option<u64> {
    let start = memchr::memmem::find(json, MARK.as_bytes())? + MARK.len() - 1;
    clock_in_text(std::str::from_utf8(json.get(start..=start + CLOCK)?).ok()?)
}

/// The clock in the text of a chunk.
pub(crate) fn clock_in_text(text: &str) -> Option<u64> {
    text.strip_prefix('t').filter(|digits| digits.len() == CLOCK)?.parse().ok()
}

/// A prompt of `size` bytes: words, line ends, quotes, and letters beyond ASCII.
pub(crate) fn prompt(size: usize) -> String {
    let paragraph = "Say in \"plain\" words what the following lines have in common, and what sets the last one apart \
                     from all before it: café, naïve, 日本.\n";
    let mut prompt = paragraph.repeat(size / paragraph.len() + 1);
    let end = (0..=size).rev().find(|end| prompt.is_char_boundary(*end)).unwrap_or_default();
    prompt.truncate(end);
    prompt
}

// === impl Stream ===

impl Stream {
    /// The model that answers so.
    pub(crate) fn model(self) -> String {
        format!("stream-{}-{}-{}", self.ticks, self.gap_ms, self.per_tick)
    }

    /// Reads the name of a model.
    pub(crate) fn parse(model: &str) -> Option<Self> {
        let mut numbers = model.strip_prefix("stream-")?.split('-').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let stream = Self { ticks: next()?, gap_ms: next()?, per_tick: next()? };
        next().is_none().then_some(stream)
    }

    /// Chunks of the whole answer.
    pub(crate) fn chunks(self) -> u64 {
        u64::from(self.ticks) * u64::from(self.per_tick)
    }
}

// === impl Tick ===

impl Tick {
    /// The chunks of one tick of `stream`.
    pub(crate) fn new(stream: Stream) -> Self {
        let zeros = "0".repeat(CLOCK);
        let chunk = event(&format!(
            "[{{\"index\":0,\"delta\":{{{MARK}{zeros}\"}},\"logprobs\":null,\"finish_reason\":null}}]"
        ));
        let bytes = chunk.repeat(stream.per_tick as usize).into_bytes();
        let marks = memchr::memmem::find_iter(&bytes, MARK.as_bytes());
        let clocks = marks.map(|at| at + MARK.len()).collect();
        Self { bytes, clocks }
    }

    /// The bytes of the tick at `clock`.
    pub(crate) fn at(&mut self, clock: u64) -> &[u8] {
        let digits = format!("{clock:0CLOCK$}");
        for at in &self.clocks {
            self.bytes[*at..*at + CLOCK].copy_from_slice(digits.as_bytes());
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_says_the_whole_script() {
        let stream = Stream { ticks: 200, gap_ms: 20, per_tick: 1 };
        assert_eq!(Stream::parse(&stream.model()), Some(stream));
        assert_eq!(stream.chunks(), 200);
        for wrong in ["stream-1-2", "stream-1-2-3-4", "stream-1-2-x", "chat"] {
            assert_eq!(Stream::parse(wrong), None, "{wrong}");
        }
        assert_eq!(model(br#"{"stream":true,"model":"stream-1-2-3"}"#), Some("stream-1-2-3"));
    }

    #[test]
    fn every_chunk_of_a_tick_tells_the_clock_and_no_other_event_does() {
        let mut tick = Tick::new(Stream { ticks: 1, gap_ms: 0, per_tick: 3 });
        let bytes = tick.at(123_456_789).to_vec();
        let text = String::from_utf8(bytes).unwrap();
        let events: Vec<&str> = text.split("\n\n").filter(|event| event.contains("data:")).collect();
        assert_eq!(events.len(), 3);
        for event in events {
            assert_eq!(clock_in_event(event.as_bytes()), Some(123_456_789));
        }
        assert_eq!(clock_in_event(&stream_start()), None);
        assert_eq!(clock_in_event(&stream_end()), None);
        assert_eq!(clock_in_text("t0000000000000000042"), Some(42));
        assert_eq!(clock_in_text("t42"), None);
    }

    #[test]
    fn prompts_have_their_size() {
        for size in [1000, 100_000] {
            assert!((size - 3..=size).contains(&prompt(size).len()));
        }
    }
}
