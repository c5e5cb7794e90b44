//! What callers rely on in every answer and some vendors do not say: its id, its model and its time.

use std::{sync::Arc, time::SystemTime};

use pbjson_types::Timestamp;

use crate::proto::{
    self,
    v1::{ChatChunk, ChatResponse, CompleteChunk, CompleteResponse},
};

/// What an answer is called where its vendor has no name for it.
pub(super) struct Identity<'a> {
    pub(super) request_id: &'a Arc<str>,
    pub(super) model: &'a str,
    pub(super) time: SystemTime,
}

/// An answer, or a piece of one, that carries an identity.
pub(super) trait Identified {
    fn fields(&mut self) -> (&mut String, &mut String, &mut Option<Timestamp>);

    /// Fills in what the vendor has left out.
    fn identify(&mut self, identity: &Identity<'_>) {
        let (id, model, time) = self.fields();
        if id.is_empty() {
            identity.request_id.as_ref().clone_into(id);
        }
        if model.is_empty() {
            identity.model.clone_into(model);
        }
        time.get_or_insert_with(|| proto::timestamp(identity.time));
    }
}

macro_rules! identified {
    ($($message:ty),*) => {
        $(impl Identified for $message {
            fn fields(&mut self) -> (&mut String, &mut String, &mut Option<Timestamp>) {
                (&mut self.id, &mut self.model, &mut self.create_time)
            }
        })*
    };
}

identified!(ChatResponse, ChatChunk, CompleteResponse, CompleteChunk);
