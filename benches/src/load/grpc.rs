//! A caller over gRPC: the published client.

use sluicegate_client::{
    Authorized, Gateway, text, user,
    v1::{
        ChatRequest, ChatResponse, EmbedInput, EmbedRequest, EmbedResponse, embed_input,
        inference_client::InferenceClient, part,
    },
};

use super::{Ask, Server};
use crate::{
    Result,
    script::{ANSWER, DIMENSIONS, clock_in_text, number, prompt},
};

/// One caller; clones share the connection.
#[derive(Clone)]
pub(super) struct Client {
    inference: InferenceClient<Authorized>,
    request: Request,
}

#[derive(Clone)]
enum Request {
    Chat(Box<ChatRequest>),
    Embed(EmbedRequest),
}

// === impl Client ===

impl Client {
    pub(super) async fn connect(server: &Server, ask: Ask) -> Result<Self> {
        let gateway = Gateway::connect(&format!("http://{}", server.address), &server.key).await?;
        Ok(Self { inference: gateway.inference(), request: Request::new(ask) })
    }

    pub(super) async fn call(&mut self) -> Result<()> {
        let right = match self.request.clone() {
            Request::Chat(request) => is_answer(self.inference.chat(*request).await?.get_ref()),
            Request::Embed(request) => is_vector(self.inference.embed(request).await?.get_ref()),
        };
        if right { Ok(()) } else { Err("not the answer of the upstream".into()) }
    }

    pub(super) async fn stream(&mut self, mut seen: impl FnMut(u64) -> bool) -> Result<()> {
        let Request::Chat(request) = self.request.clone() else {
            return Err("vectors are not streamed".into());
        };
        let mut chunks = self.inference.stream_chat(*request).await?.into_inner();
        while let Some(chunk) = chunks.message().await? {
            if clock_in_text(&text(&chunk)).is_some_and(|clock| !seen(clock)) {
                break;
            }
        }
        Ok(())
    }
}

fn is_answer(response: &ChatResponse) -> bool {
    let parts = response.choices.first().and_then(|choice| choice.message.as_ref());
    let content = parts.and_then(|message| message.parts.first()).and_then(|part| part.content.as_ref());
    matches!(content, Some(part::Content::Text(answer)) if answer.text == ANSWER)
}

fn is_vector(response: &EmbedResponse) -> bool {
    let values = response.embeddings.first().map_or(&[][..], |embedding| &embedding.values);
    let right = |(at, value): (usize, &f32)| value.to_bits() == number(at).to_bits();
    values.len() == DIMENSIONS && values.iter().enumerate().all(right)
}

// === impl Request ===

impl Request {
    fn new(ask: Ask) -> Self {
        let model = ask.model();
        let chat = |size| ChatRequest {
            model: model.clone(),
            messages: vec![user(prompt(size))],
            ..Default::default()
        };
        match ask {
            Ask::Chat(size) => Self::Chat(Box::new(chat(size))),
            Ask::Stream(_) => Self::Chat(Box::new(chat(super::streams::PROMPT))),
            Ask::Embed => {
                let input = EmbedInput { content: Some(embed_input::Content::Text(prompt(60))) };
                Self::Embed(EmbedRequest { model, inputs: vec![input], ..Default::default() })
            }
        }
    }
}
