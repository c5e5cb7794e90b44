//! A caller over REST.

use std::net::SocketAddr;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Ask, Server};
use crate::{
    Result,
    http1::Socket,
    script::{ANSWER, DIMENSIONS, clock_in_event, number, prompt},
};

const END_OF_EVENT: &[u8] = b"\n\n";
const DONE: &[u8] = b"data: [DONE]";
/// How much of a wrong answer is told.
const EXCERPT: usize = 200;

/// One connection with a request that is made again and again.
pub(super) struct Client {
    socket: Socket,
    request: Bytes,
    body: Vec<u8>,
    /// Size of the answer that was looked at member by member. The next ones are, when theirs differs.
    checked: Option<usize>,
}

/// The bytes of the request for `ask`.
pub(super) fn request(server: &Server, ask: Ask) -> Bytes {
    let model = ask.model();
    let chat = |text: &str| json!([{"role": "user", "content": text}]);
    let (path, body) = match ask {
        Ask::Chat(size) => ("chat/completions", json!({"model": model, "messages": chat(&prompt(size))})),
        Ask::Stream(_) => {
            let messages = chat(&prompt(super::streams::PROMPT));
            ("chat/completions", json!({"model": model, "stream": true, "messages": messages}))
        }
        Ask::Embed => ("embeddings", json!({"model": model, "input": prompt(60)})),
    };
    let body = body.to_string();
    let head = format!(
        "POST /v1/{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: */*\r\n\
         user-agent: sluicegate-bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.address,
        server.key,
        body.len()
    );
    [head, body].concat().into()
}

// === impl Client ===

impl Client {
    pub(super) async fn connect(address: SocketAddr, request: Bytes) -> Result<Self> {
        Ok(Self { socket: Socket::connect(address).await?, request, body: Vec::new(), checked: None })
    }

    pub(super) async fn call(&mut self) -> Result<()> {
        self.socket.write(&self.request).await?;
        let mut answer = self.socket.answer().await?;
        self.body.clear();
        while self.socket.body(&mut answer.framing, &mut self.body).await? {}
        if answer.status != 200 {
            return Err(self.wrong(&format!("status {}", answer.status)));
        }
        if self.checked != Some(self.body.len()) {
            let right = serde_json::from_slice(&self.body).is_ok_and(|answer| is_right(&answer));
            if !right {
                return Err(self.wrong("not the answer of the upstream"));
            }
            self.checked = Some(self.body.len());
        }
        Ok(())
    }

    pub(super) async fn stream(&mut self, mut seen: impl FnMut(u64) -> bool) -> Result<()> {
        self.socket.write(&self.request).await?;
        let mut answer = self.socket.answer().await?;
        self.body.clear();
        let (mut more, mut done) = (true, false);
        while more {
            more = self.socket.body(&mut answer.framing, &mut self.body).await?;
            let mut start = 0;
            while let Some(end) = memchr::memmem::find(&self.body[start..], END_OF_EVENT) {
                let event = &self.body[start..start + end];
                match clock_in_event(event) {
                    Some(clock) if !seen(clock) => return Ok(()),
                    Some(_) => {}
                    None => done |= event == DONE,
                }
                start += end + END_OF_EVENT.len();
            }
            // What is left is the error body or the beginning of an event.
            self.body.drain(..start);
        }
        if answer.status != 200 {
            return Err(self.wrong(&format!("status {}", answer.status)));
        }
        if !done {
            return Err(self.wrong("the stream ended without [DONE]"));
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> crate::Problem {
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(EXCERPT)]);
        format!("{what}: {start}").into()
    }
}

fn is_right(answer: &Value) -> bool {
    if let Some(vector) = answer.pointer("/data/0/embedding").and_then(Value::as_array) {
        let right =
            |(at, value): (usize, &Value)| value.as_f64().map(|value| value as f32) == Some(number(at));
        return vector.len() == DIMENSIONS && vector.iter().enumerate().all(right);
    }
    answer.pointer("/choices/0/message/content").and_then(Value::as_str) == Some(ANSWER)
}
