//! Exchanges a credential for a token, where a vendor wants that: IBM Cloud's identity service, and Software Hub.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use url::Url;

use super::{Body, redact::redact};
use crate::{
    error::{Error, Reason, Result},
    http::Client,
    providers::{AUTH_URL, IbmAuth, USERNAME, Upstream},
    renewal::Fresh,
    secret::Secret,
    secrets::Credential,
    wire::{json::Writer, openai},
};

/// How long an exchange may take.
const TIME: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 64 << 10;

/// IBM Cloud's identity service, where the provider names no other.
const CLOUD: &str = "https://iam.cloud.ibm.com";
const CLOUD_PATH: &str = "/identity/token";
const HUB_PATH: &str = "/icp4d-api/v1/authorize";
const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";

/// The life of a token of which nothing tells it. IBM's live for 20 minutes and more.
const UNSAID_LIFE: Duration = Duration::from_secs(600);
/// No token is kept for longer; a day is the longest that IBM gives one.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What both answer, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "token")]
    access_token: String,
    /// Seconds.
    expires_in: Option<u64>,
}

/// What a token says about its own life, in Unix seconds.
#[derive(Deserialize)]
struct Claims {
    iat: u64,
    exp: u64,
}

/// The exchange of the provider's credential for a token, yet to be made.
///
/// # Errors
/// That a setting is missing.
pub(super) fn fetch(
    client: &Client,
    to: &Upstream,
    credential: &Credential,
) -> Result<impl Future<Output = Result<Fresh<Secret>>> + Send + 'static + use<>> {
    let request = request(to, credential)?;
    let (client, secrets) = (client.clone(), credential.clone());
    Ok(async move {
        let answered = tokio::time::timeout(TIME, exchange(&client, request)).await;
        let (status, body) = answered.unwrap_or_else(|_| {
            let message = format!("gave no token within {} s", TIME.as_secs());
            Err(Error::new(Reason::ProviderUnavailable, message))
        })?;
        read(status, &body).map_err(|error| redact(error, &secrets))
    })
}

/// What is asked, and where.
fn request(to: &Upstream, credential: &Credential) -> Result<reqwest::Request> {
    let secret = |name| credential.get(name).map(Secret::expose);
    let (content_type, path, body) = match IbmAuth::of(&to.settings) {
        IbmAuth::Cloud => {
            let key = secret("apikey").ok_or_else(|| no_user(to))?;
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", GRANT).append_pair("apikey", key);
            ("application/x-www-form-urlencoded", CLOUD_PATH, form.finish())
        }
        // Without exchange there is nothing to fetch but with a password, which only an exchange takes.
        IbmAuth::SoftwareHub | IbmAuth::Zen => {
            let user = to.settings.get(USERNAME).ok_or_else(|| no_user(to))?;
            let pair = match secret("apikey") {
                Some(key) => ("api_key", key),
                None => ("password", secret("password").unwrap_or_default()),
            };
            let body = Writer::text_of(|object| {
                object.text("username", user);
                object.text(pair.0, pair.1);
            });
            ("application/json", HUB_PATH, body)
        }
    };
    let mut request = reqwest::Request::new(Method::POST, address(to, path)?);
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(body.into());
    Ok(request)
}

/// Where the exchange is: where `auth_url` says, which is a host or the whole address; else at IBM Cloud, or at the
/// provider's own host.
fn address(to: &Upstream, path: &str) -> Result<Url> {
    let broken = |error| Error::internal(format!("provider \"{}\" has an unusable auth_url", to.name), error);
    let mut url = match (to.settings.get(AUTH_URL), IbmAuth::of(&to.settings)) {
        (Some(address), _) => Url::parse(address).map_err(broken)?,
        (None, IbmAuth::Cloud) => Url::parse(CLOUD).map_err(broken)?,
        (None, IbmAuth::SoftwareHub | IbmAuth::Zen) => to.base_url.join("/").map_err(broken)?,
    };
    if url.path() == "/" {
        url.set_path(path);
    }
    Ok(url)
}

fn no_user(to: &Upstream) -> Error {
    let message = format!(
        "provider \"{}\" has a password, but the setting username is missing; set it with ProviderAdmin.UpdateProvider",
        to.name
    );
    Error::new(Reason::ProviderAuthFailed, message)
}

/// Sends, and reads the whole answer.
async fn exchange(client: &Client, request: reqwest::Request) -> Result<(StatusCode, Bytes)> {
    let host = request.url().origin().ascii_serialization();
    let response = client.send(request).await.map_err(|error| {
        let message = format!("the identity service at {host} could not be reached");
        Error::new(Reason::ProviderUnavailable, message).source(error)
    })?;
    let status = response.status();
    Ok((status, Body::http(response).read_up_to(MAX_BYTES).await))
}

fn read(status: StatusCode, body: &[u8]) -> Result<Fresh<Secret>> {
    if !status.is_success() {
        return Err(refusal(status, body));
    }
    let unreadable = |_| {
        let message = "the identity service answered with something that holds no token; is auth_url right?";
        Error::new(Reason::ProviderUnavailable, message)
    };
    let Answer { access_token, expires_in } = serde_json::from_slice(body).map_err(unreadable)?;
    let life = expires_in.map(Duration::from_secs).or_else(|| life(&access_token)).unwrap_or(UNSAID_LIFE);
    Ok(Fresh { value: Secret::new(access_token), life: life.min(LONGEST_LIFE) })
}

/// What the token itself says, where it is a signed one. The machine's clock need not be right for that.
fn life(token: &str) -> Option<Duration> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let Claims { iat, exp } = serde_json::from_slice(&claims).ok()?;
    exp.checked_sub(iat).map(Duration::from_secs)
}

fn refusal(status: StatusCode, body: &[u8]) -> Error {
    let vendor = openai::error::read(body);
    let said = vendor.message.unwrap_or_else(|| "without a message".to_owned());
    let (reason, what) = match status.as_u16() {
        408 | 429 | 500..=599 => (Reason::ProviderUnavailable, "cannot tell whether the credential is good"),
        400..=499 => (Reason::ProviderAuthFailed, "refused the gateway's credential"),
        _ => (Reason::ProviderUnavailable, "gave no answer, and redirects are not followed"),
    };
    let code = vendor.code.map(|code| format!(", {code}")).unwrap_or_default();
    Error::new(reason, format!("the identity service {what} ({}{code}): {said}", status.as_u16()))
}

#[cfg(test)]
mod tests;
