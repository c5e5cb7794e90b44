//! Liveness, readiness, metrics: open to all, and none of the callers' business.

use std::sync::Arc;

use axum::{Router, routing::get};
use http::{StatusCode, header};
use tokio::sync::watch;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the gateway wants calls: not while it starts, and not while it drains. Clones share it.
#[derive(Clone, Debug)]
pub struct Serving(Arc<watch::Sender<bool>>);

/// Writes the metrics in OpenMetrics text.
pub(super) type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

pub(super) fn routes(serving: Serving, metrics: Option<Metrics>) -> Router {
    let ready = move || {
        let ready = serving.is_on();
        async move {
            if ready { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
        }
    };
    let router = Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready));
    let Some(metrics) = metrics else { return router };
    router.route("/metrics", get(move || async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics()) }))
}

// === impl Serving ===

impl Serving {
    /// Not yet.
    #[must_use]
    pub fn off() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// From now on, or no more.
    pub fn set(&self, on: bool) {
        self.0.send_replace(on);
    }

    /// Whether it wants calls now.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Follows the changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }
}
