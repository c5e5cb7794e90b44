//! The upstream: a server that says what its script says, from bytes made before.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    Result,
    http1::Socket,
    machine,
    script::{self, Stream, Tick},
};

struct Answers {
    chat: Vec<u8>,
    embed: Vec<u8>,
    refusal: Vec<u8>,
    stream_start: Vec<u8>,
    stream_end: Vec<u8>,
}

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener) -> Result<()> {
    let answers = Arc::new(Answers {
        chat: script::chat_answer(),
        embed: script::embed_answer(),
        refusal: script::refusal(),
        stream_start: script::stream_start(),
        stream_end: script::stream_end(),
    });
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let (socket, answers) = (Socket::new(stream)?, Arc::clone(&answers));
        connections.spawn(async move {
            // A peer that leaves is no news: the load counts what did not arrive.
            drop(talk(socket, &answers).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(mut socket: Socket, answers: &Answers) -> Result<()> {
    while let Some(body) = socket.request().await? {
        match script::model(&body) {
            Some(script::CHAT) => socket.write(&answers.chat).await?,
            Some(script::EMBED) => socket.write(&answers.embed).await?,
            Some(model) => match Stream::parse(model) {
                Some(stream) => play(&mut socket, stream, answers).await?,
                None => socket.write(&answers.refusal).await?,
            },
            None => socket.write(&answers.refusal).await?,
        }
    }
    Ok(())
}

/// The first tick goes out at once, each with the clock of its own writing. Who was held up goes on at its pace and does
/// not make up for it, like a model.
async fn play(socket: &mut Socket, stream: Stream, answers: &Answers) -> Result<()> {
    let gap = Duration::from_millis(stream.gap_ms.into());
    let mut tick = Tick::new(stream);
    let mut due = Instant::now();
    let first = [&answers.stream_start, tick.at(machine::now())].concat();
    socket.write(&first).await?;
    for _ in 1..stream.ticks {
        due = (due + gap).max(Instant::now());
        sleep_until(due).await;
        socket.write(tick.at(machine::now())).await?;
    }
    socket.write(&answers.stream_end).await?;
    Ok(())
}
