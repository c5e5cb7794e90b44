//! `grpc.health.v1`: whether the gateway, or one of its services, wants calls.

use futures_util::{
    StreamExt,
    stream::{BoxStream, unfold},
};
use tokio::sync::watch::Receiver;
use tonic::{Request, Response, Status, server::NamedService};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use crate::{
    edge::Serving,
    proto::v1::{
        access_admin_server::AccessAdminServer, inference_server::InferenceServer,
        model_catalog_server::ModelCatalogServer, provider_admin_server::ProviderAdminServer,
    },
};

/// All start and end together; the empty name is the gateway as a whole.
const SERVICES: [&str; 5] = [
    "",
    <InferenceServer<()> as NamedService>::NAME,
    <ProviderAdminServer<()> as NamedService>::NAME,
    <ModelCatalogServer<()> as NamedService>::NAME,
    <AccessAdminServer<()> as NamedService>::NAME,
];

pub(super) struct Service(Serving);

pub(super) fn server(serving: Serving) -> HealthServer<Service> {
    HealthServer::new(Service(serving))
}

fn reply(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

fn of(on: bool) -> HealthCheckResponse {
    reply(if on { ServingStatus::Serving } else { ServingStatus::NotServing })
}

#[tonic::async_trait]
impl Health for Service {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !SERVICES.contains(&request.get_ref().service.as_str()) {
            return Err(Status::not_found("there is no such service"));
        }
        Ok(Response::new(of(self.0.is_on())))
    }

    /// Tells every change. Ends after it told that the gateway, having served, does so no more: watchers would keep the
    /// drain waiting for its whole grace period otherwise.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let known = SERVICES.contains(&request.get_ref().service.as_str());
        let begin = Some(Watch { serving: self.0.watch(), told: false, served: false });
        let changes = unfold(begin, move |watch| async move {
            let mut watch = watch?;
            if watch.told {
                watch.serving.changed().await.ok()?;
            }
            let on = *watch.serving.borrow_and_update();
            let over = watch.served && !on;
            watch.told = true;
            watch.served |= on;
            let reply = if known { of(on) } else { reply(ServingStatus::ServiceUnknown) };
            Some((Ok(reply), (!over).then_some(watch)))
        });
        Ok(Response::new(changes.boxed()))
    }
}

/// What one watcher has been told.
struct Watch {
    serving: Receiver<bool>,
    told: bool,
    served: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: service.into() })
    }

    #[tokio::test]
    async fn watch_tells_every_change_and_ends_with_the_drain() {
        let serving = Serving::off();
        let stream = Service(serving.clone()).watch(watched(SERVICES[1])).await.unwrap().into_inner();
        let mut told = stream.map(|reply| reply.unwrap().status());
        assert_eq!(told.next().await, Some(ServingStatus::NotServing));
        serving.set(true);
        assert_eq!(told.next().await, Some(ServingStatus::Serving));
        serving.set(false);
        assert_eq!(told.next().await, Some(ServingStatus::NotServing));
        assert_eq!(told.next().await, None);
    }

    #[tokio::test]
    async fn unknown_service_is_told_so_and_check_fails() {
        let service = Service(Serving::off());
        let mut told = service.watch(watched("nope")).await.unwrap().into_inner();
        assert_eq!(told.next().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
        assert_eq!(service.check(watched("nope")).await.unwrap_err().code(), tonic::Code::NotFound);
    }
}
