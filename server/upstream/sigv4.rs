//! AWS Signature Version 4, over a finished request: whatever changes it afterwards makes the signature wrong.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{HeaderName, HeaderValue};

use crate::{
    error::{Error, Reason, Result},
    providers::{AWS_REGION, Auth, Upstream},
    secret::Secret,
    secrets::Credential,
};

/// Signs for `service` in the provider's region. Signed are the method, the path, the query, the body and every header
/// that stands there now, and the host; those that the HTTP client adds when it sends are not.
pub(super) fn authorize(
    to: &Upstream,
    service: &str,
    credential: &Credential,
    request: &mut reqwest::Request,
    now: SystemTime,
) -> Result<()> {
    let unsigned = |cause: &dyn std::fmt::Display| {
        let message = format!("a request to provider \"{}\" cannot be signed: {cause}", to.name);
        Error::new(Reason::ProviderAuthFailed, message).provider(&to.name)
    };
    let Some(region) = to.settings.get(AWS_REGION) else {
        return Err(unsigned(&"set its setting region"));
    };
    let secret = |name| credential.get(name).map(Secret::expose);
    let [id, key, token] = Auth::AWS_SECRETS.map(|setting| secret(setting.name));
    let identity = Credentials::new(
        id.unwrap_or_default(),
        key.unwrap_or_default(),
        token.map(str::to_owned),
        None,
        "provider",
    )
    .into();
    // The defaults are those of every service but S3: the path is escaped once more and normalized.
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unsigned(&error))?
        .into();
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.url().as_str(),
        headers,
        SignableBody::Bytes(body),
    );
    let signed =
        signable.and_then(|signable| sign(signable, &parameters)).map_err(|error| unsigned(&error))?;
    for header in signed.into_parts().0.into_parts().0 {
        let mut value = HeaderValue::from_str(header.value()).map_err(|error| unsigned(&error))?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
