use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;
use crate::{
    error::{Error, Reason},
    proto::v1::{ChoiceDelta, PartDelta, TextDelta, part_delta::Content},
};

fn word(text: &str) -> ChatChunk {
    let content = Content::Text(TextDelta { text: text.into() });
    let part = PartDelta { content: Some(content), ..Default::default() };
    let choice = ChoiceDelta { parts: vec![part], ..Default::default() };
    ChatChunk { id: "a".into(), choices: vec![choice], ..Default::default() }
}

fn usage(mut chunk: ChatChunk) -> ChatChunk {
    chunk.usage = Some(Usage { input_tokens: 1, output_tokens: 2, ..Default::default() });
    chunk
}

fn open(usage: bool) -> (UnboundedSender<Result<ChatChunk>>, Body) {
    let (sender, receiver) = unbounded_channel();
    (sender, super::stream(UnboundedReceiverStream::new(receiver), usage, "req-1".into()).into_body())
}

/// The data of the events, of a whole stream.
async fn events(chunks: Vec<Result<ChatChunk>>, usage: bool) -> Vec<String> {
    let body = super::stream(stream::iter(chunks), usage, "req-1".into()).into_body();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
    let events = text.strip_suffix("\n\n").unwrap().split("\n\n");
    events.map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
}

fn member(event: &str, pointer: &str) -> Option<serde_json::Value> {
    serde_json::from_str::<serde_json::Value>(event).unwrap().pointer(pointer).cloned()
}

async fn frame(body: &mut Body) -> String {
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    String::from_utf8(frame.into()).unwrap()
}

#[tokio::test]
async fn done_stands_only_at_the_end_of_a_finished_stream() {
    let finished = events(vec![Ok(word("a")), Ok(word("b"))], false).await;
    assert_eq!(finished.len(), 3);
    assert_eq!(finished[2], "[DONE]");

    let cut = Err(Error::new(Reason::StreamTruncated, "the stream was cut"));
    let broken = events(vec![Ok(word("a")), cut], false).await;
    assert_eq!(broken.len(), 2);
    assert_eq!(member(&broken[1], "/error/message").unwrap(), "the stream was cut");
    assert_eq!(member(&broken[1], "/error/request_id").unwrap(), "req-1");
}

#[tokio::test]
async fn usage_stands_in_a_last_chunk_of_its_own_and_only_when_asked_for() {
    for last in [usage(word("b")), usage(ChatChunk { choices: Vec::new(), ..word("") })] {
        let words = if last.choices.is_empty() { 1 } else { 2 };
        let shown = events(vec![Ok(word("a")), Ok(last.clone())], true).await;
        assert_eq!(shown.len(), words + 2);
        assert_eq!(member(&shown[words], "/choices").unwrap(), serde_json::json!([]));
        assert_eq!(member(&shown[words], "/usage/completion_tokens").unwrap(), 2);
        assert_eq!(member(&shown[words - 1], "/usage"), None);

        let hidden = events(vec![Ok(word("a")), Ok(last)], false).await;
        assert_eq!(hidden.len(), words + 1);
        assert!(hidden[..words].iter().all(|event| member(event, "/usage").is_none()));
    }
}

#[tokio::test]
async fn what_is_ready_goes_out_in_one_frame() {
    let (sender, mut body) = open(false);
    for text in ["a", "b", "c"] {
        sender.send(Ok(word(text))).unwrap();
    }
    assert_eq!(frame(&mut body).await.matches("data: ").count(), 3);
    sender.send(Ok(word("d"))).unwrap();
    drop(sender);
    let last = frame(&mut body).await;
    assert!(last.ends_with("data: [DONE]\n\n") && last.matches("data: ").count() == 2, "{last}");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn flood_is_cut_into_frames() {
    let flood = stream::repeat_with(|| Ok(word(&"x".repeat(1000)))).take(1000);
    let mut body = super::stream(flood, false, "req-1".into()).into_body();
    let mut frames = 0;
    while let Some(Ok(frame)) = body.frame().await {
        assert!(frame.into_data().unwrap().len() < ENOUGH + 4096);
        frames += 1;
    }
    assert!(frames > 10);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_comments() {
    let (sender, mut body) = open(false);
    let begun = Instant::now();
    assert_eq!(frame(&mut body).await, ": ping\n\n");
    assert_eq!(begun.elapsed(), PING_AFTER);
    assert_eq!(frame(&mut body).await, ": ping\n\n");
    tokio::time::advance(Duration::from_secs(10)).await;
    sender.send(Ok(word("a"))).unwrap();
    assert!(frame(&mut body).await.starts_with("data: "));
    let word = Instant::now();
    assert_eq!(frame(&mut body).await, ": ping\n\n");
    assert_eq!(word.elapsed(), PING_AFTER, "counted from the last event");
}

#[tokio::test]
async fn dropped_body_drops_its_stream() {
    let (sender, body) = open(false);
    drop(body);
    assert!(sender.is_closed());
}

#[tokio::test]
async fn finished_stream_is_dropped_before_its_end_is_read() {
    let cut = Err(Error::new(Reason::StreamTruncated, "cut"));
    let (sender, mut body) = open(false);
    sender.send(cut).unwrap();
    frame(&mut body).await;
    assert!(sender.is_closed());
}
