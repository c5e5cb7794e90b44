//! HTTP/2 as no decent client speaks it. Whoever does loses its connection; everybody else is served.

mod floods;
mod frames;
mod limits;

use sluicegate_client::v1;

use crate::support::TestGateway;

impl TestGateway {
    /// Another caller, who behaves, is served at once.
    async fn serves_others(&self) {
        let other = sluicegate_client::Gateway::connect(&self.url, crate::support::ADMIN_KEY).await;
        let models =
            other.expect("a connection").models().list_models(v1::ListModelsRequest::default()).await;
        models.expect("an answer");
    }
}
