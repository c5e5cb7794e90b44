//! Old events are removed.

use std::time::Duration;

use crate::{clock::Clock, state::State, task::Tasks};

const DAY: u64 = 24 * 3600;
const HOUR: Duration = Duration::from_secs(3600);

/// Removes what is older than so many days, now and every hour, until the gateway ends.
pub async fn retain(state: State, days: u32, clock: Clock, tasks: Tasks) {
    let age = Duration::from_secs(u64::from(days) * DAY);
    loop {
        if let Some(before) = clock.now().checked_sub(age) {
            // In steps, between which changes have their turn.
            loop {
                match state.forget_audit_events(before).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::error!(%error, "old events could not be removed from the audit log");
                        break;
                    }
                }
            }
        }
        tokio::select! {
            () = tasks.stopping() => return,
            () = tokio::time::sleep(HOUR) => {}
        }
    }
}
