//! Streams that stay open: what memory each takes.

use std::time::Duration;

use tokio::time::sleep;

use super::{Ask, Job, Outcome, client::Client, streams::Running};
use crate::{Result, readings::resident, script::Stream};

/// A short stream, by which the server touches once what it needs for any.
pub(crate) const FIRST: Stream = Stream { ticks: 3, gap_ms: 5, per_tick: 1 };
/// Time to give back what opening took.
const SETTLE: Duration = Duration::from_millis(300);

pub(super) async fn run(job: &Job, stream: Stream, counts: [usize; 2], opens: u32) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for mut client in Client::connect(&job.server, Ask::Stream(FIRST), 1).await? {
        client.stream(|_| true).await?;
    }
    sleep(SETTLE).await;
    outcome.resident.push(resident(job.server.served)?);
    let (mut running, mut open) = (Running::new(opens)?, 0);
    for count in counts {
        running.open(job, stream, count - open).await?;
        open = count;
        sleep(job.window).await;
        if !running.all_run() {
            outcome.fail("a stream ended while streams were held");
        }
        outcome.resident.push(resident(job.server.served)?);
    }
    Ok(outcome)
}
