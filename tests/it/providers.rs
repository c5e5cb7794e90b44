//! Every provider type on recorded bytes alone: golden files for what it asks and how it reads answers, and the laws that
//! hold for all of them. No network.
//!
//! `tests/fixtures/requests/*.json` are OpenAI requests. For each provider type, `tests/fixtures/TYPE/` holds
//! - `requests/*.json`: what each request becomes, or why it is refused;
//! - `asks/*.json`: further requests for this type alone, whose `model` is the upstream's own id;
//! - `answers/CASE.reply.json` (upstream) -> `CASE.answer.json`;
//! - `answers/CASE.stream.txt` (upstream) -> `CASE.chunks.json`; where streams are binary, `CASE.frames.json` is a list
//!   of the frames that they are made of;
//! - `errors/CASE.json` (upstream status, headers, body) -> `CASE.expected.json`;
//! - `settings.json`, where the type needs settings;
//! - `upstream-models.json`, where what is asked depends on the upstream model: beginning of the case's name -> model.
//!
//! A case whose name starts with `completion`, `embedding` or `models` is of that operation, any other is a chat. The
//! upstream bytes of a built-in type are its own answers to the request of the same name. `UPDATE_FIXTURES=1` rewrites
//! what is expected; the diff is the review.

mod decode;
mod fixture;
mod golden;
mod hygiene;
mod join;
mod laws;
mod new_vendor;
mod normal;
mod operation;
mod page;
mod parameters;
mod recordings;
