//! Background tasks that the drain waits for.

use std::future::Future;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Spawns tasks and waits for them at the end. Clones share one set.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Tasks {
    /// Runs a task in the background. It should end soon after [`Tasks::stopping`] resolves.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that spawns, so that the drain sees every task"
    )]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.tracker.track_future(task);
        drop(tokio::spawn(task));
    }

    /// Resolves when the tasks are asked to end.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Asks the tasks to end; does not wait.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Resolves when the time for ending is over, or nobody wants to wait for it.
    pub async fn cut_off(&self) {
        self.cut.cancelled().await;
    }

    /// Asks the tasks to end and waits until all have, but cuts off what has not ended when `patience` resolves.
    pub async fn drain_within(&self, patience: impl Future<Output = ()>) {
        tokio::select! {
            () = self.drain() => {}
            () = patience => {
                self.cut.cancel();
                self.drain().await;
            }
        }
    }

    /// Asks the tasks to end and waits until all have.
    pub async fn drain(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
