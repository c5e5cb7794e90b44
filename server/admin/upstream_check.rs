//! Asks upstreams: does the provider work, and what does it offer?

use tokio::time::Instant;

use super::{Admin, sight::Sight};
use crate::{
    error::{Error, Reason, Result},
    proto::v1::{
        AvailableModel, ErrorReason, Fault, ListAvailableModelsRequest, ListAvailableModelsResponse,
        Permission, TestProviderRequest, TestProviderResponse,
    },
    providers::Upstream,
    state::{Call, Resource, ResourceKind},
    upstream::Driver,
};

/// No vendor has more; one that goes in a circle shall not keep us.
const MAX_PAGES: usize = 50;

impl Admin {
    /// Makes one cheap real call to the upstream and tells what failed and whose fault it is. Succeeds whether or not the
    /// test does.
    ///
    /// # Errors
    /// That there is no such provider, or that policies do not allow the caller to change it.
    pub async fn test_provider(
        &self,
        call: &Call,
        request: TestProviderRequest,
    ) -> Result<TestProviderResponse> {
        let to = upstream(call, Permission::WriteProviders, "id", &request.id)?;
        let begun = Instant::now();
        let outcome = offered_models(&self.driver, to).await;
        let latency = Some(pbjson_types::Duration::from(begun.elapsed()));
        let found = TestProviderResponse { latency, ..read_outcome(outcome) };
        tracing::info!(
            provider = to.name,
            caller = call.caller.name,
            request_id = &*call.request_id,
            ok = found.ok,
            "provider was tested"
        );
        Ok(found)
    }

    /// Asks the provider which models it offers.
    ///
    /// # Errors
    /// That there is no such provider, that it has no list, or what went wrong upstream.
    pub async fn list_available_models(
        &self,
        call: &Call,
        request: ListAvailableModelsRequest,
    ) -> Result<ListAvailableModelsResponse> {
        let to = upstream(call, Permission::ReadProviders, "provider", &request.provider)?;
        let models = offered_models(&self.driver, to).await?;
        Ok(ListAvailableModelsResponse { models })
    }
}

/// The models that an upstream offers.
pub(super) async fn offered_models(driver: &Driver, to: &Upstream) -> Result<Vec<AvailableModel>> {
    let adapter = to.provider_type.adapter;
    let ask = async {
        let (mut models, mut next) = (Vec::new(), Some(adapter.list_models(&to.settings)?));
        for _ in 0..MAX_PAGES {
            let Some(outbound) = next else { return Ok(models) };
            let answer = driver.fetch(to, outbound).await?;
            models.extend(adapter.list_models_response(&answer)?);
            next = adapter.list_more_models(&answer, &to.settings)?;
        }
        let message = format!("the upstream's list of models does not end within {MAX_PAGES} pages");
        Err(Error::new(Reason::ProviderBadAnswer, message))
    };
    ask.await.map_err(|error| driver.explain(to, error))
}

/// The upstream of a provider that the caller may use so.
fn upstream<'a>(
    call: &'a Call,
    permission: Permission,
    field: &str,
    id_or_name: &str,
) -> Result<&'a Upstream> {
    let stored = Sight::of(call).provider(field, id_or_name)?;
    call.require(permission, Resource::Other(ResourceKind::Provider, &stored.provider.id))?;
    let upstream = call.snapshot.upstreams.get(&stored.provider.id);
    upstream.map(|upstream| &**upstream).ok_or_else(|| {
        Error::new(Reason::Internal, format!("provider \"{}\" has no upstream", stored.provider.name))
    })
}

fn read_outcome(outcome: Result<Vec<AvailableModel>>) -> TestProviderResponse {
    let error = match outcome {
        Ok(models) => {
            return passed(format!("the upstream answered and offers {} models", models.len()), Some(200));
        }
        Err(error) => error,
    };
    let status = error.detail().upstream_status;
    // Servers without a list of models are in use; they did answer.
    if matches!(status, Some(404 | 405)) {
        return passed(
            "the upstream is reachable, but has no list of models, so the credential could not be verified"
                .into(),
            status.map(i32::from),
        );
    }
    // The upstream was not asked at all.
    if error.reason() == Reason::NotSupported && status.is_none() {
        return passed(
            "providers of this type cannot list models, so nothing could be tried; the settings are complete"
                .into(),
            None,
        );
    }
    TestProviderResponse {
        ok: false,
        message: error.message().to_owned(),
        reason: error.reason().into(),
        fault: error.row().fault.into(),
        upstream_status: status.map(i32::from),
        latency: None,
    }
}

fn passed(message: String, upstream_status: Option<i32>) -> TestProviderResponse {
    TestProviderResponse {
        ok: true,
        message,
        reason: ErrorReason::Unspecified.into(),
        fault: Fault::Unspecified.into(),
        upstream_status,
        latency: None,
    }
}

#[cfg(test)]
mod tests {
    use super::read_outcome;
    use crate::{
        error::{Error, Reason},
        proto::v1::Fault,
    };

    #[test]
    fn a_refused_credential_is_the_operators_fault_and_an_outage_the_providers() {
        for (error, fault) in [
            (Error::new(Reason::ProviderAuthFailed, "no").upstream_status(401), Fault::Caller),
            (Error::new(Reason::ProviderUnavailable, "no").upstream_status(500), Fault::Provider),
            (Error::new(Reason::ProviderTimeout, "no"), Fault::Provider),
            (Error::new(Reason::Internal, "no"), Fault::Gateway),
        ] {
            let (reason, status) = (error.reason(), error.detail().upstream_status);
            let found = read_outcome(Err(error));
            assert!(!found.ok);
            assert_eq!(found.fault(), fault);
            assert_eq!(found.reason(), reason);
            assert_eq!(found.upstream_status, status.map(i32::from));
        }
    }

    #[test]
    fn an_upstream_without_a_list_passes_but_says_what_is_not_known() {
        for status in [404, 405] {
            let error = Error::new(Reason::UpstreamModelNotFound, "no").upstream_status(status);
            let found = read_outcome(Err(error));
            assert!(found.ok && found.message.contains("could not be verified"), "{found:?}");
        }
        let found = read_outcome(Err(Error::new(Reason::NotSupported, "no")));
        assert!(found.ok && found.message.contains("nothing could be tried"), "{found:?}");
    }
}
