//! New secrets for API keys.

use std::time::Duration;

use super::{Admin, api_key::grant, find, key_plan};
use crate::{
    error::{Error, Result},
    proto::v1::{RotateApiKeyRequest, RotateApiKeyResponse},
    state::{Call, Change},
};

const GRACE: Duration = Duration::from_secs(24 * 3600);
const MAX_GRACE: Duration = Duration::from_secs(30 * 24 * 3600);

impl Admin {
    /// Gives a key a new secret and shows it this once. The one before stays good for the grace; the one before that is void.
    ///
    /// # Errors
    /// What is wrong with the secret or the grace, that there is no such key, that it can do more than the caller, or that
    /// the secret is taken.
    pub async fn rotate_api_key(
        &self,
        call: &Call,
        request: RotateApiKeyRequest,
    ) -> Result<RotateApiKeyResponse> {
        let grace = grace(request.grace.as_ref())?;
        let secret = key_plan::given_or_random_secret(request.secret)?;
        let now = self.clock.now();
        let (key, revision) = self
            .state
            .change(&call.origin("RotateApiKey"), |records| {
                let stored = find::key(records, "id", &request.id)?;
                grant(&call.caller, stored.key.role)?;
                let next = key_plan::rotate(records, stored, &secret, &self.hasher, grace, now)?;
                let key = next.key.clone();
                Ok((vec![Change::PutKey(Box::new(next))], key))
            })
            .await?;
        self.note(call, "rotate API key", &key.id, &key.name, revision);
        Ok(RotateApiKeyResponse { api_key: Some(key), secret: secret.expose().to_owned(), revision })
    }
}

fn grace(given: Option<&pbjson_types::Duration>) -> Result<Duration> {
    let Some(given) = given else { return Ok(GRACE) };
    let seconds = u64::try_from(given.seconds).ok();
    let nanos = u32::try_from(given.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let grace = seconds.zip(nanos).map(|(seconds, nanos)| Duration::new(seconds, nanos));
    grace
        .filter(|grace| *grace <= MAX_GRACE)
        .ok_or_else(|| Error::invalid("grace", "must be from 0 to 30 days"))
}
