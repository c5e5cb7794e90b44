//! Exchanges a secret for a token, as IBM wants it: its identity service on the cloud, and Software Hub.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Method, header};
use reqwest::Request;
use serde::Deserialize;
use url::Url;

use super::{answer::Asked, redact};
use crate::{
    error::{Reason, Result},
    http::Client,
    renewal::Fresh,
    secret::Secret,
    wire::json::Writer,
};

/// The identity service of IBM Cloud.
pub const IAM_URL: &str = "https://iam.cloud.ibm.com";

const CLOUD_PATH: &str = "/identity/token";
const HUB_PATH: &str = "/icp4d-api/v1/authorize";
const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The life of a token of which nothing tells it. IBM's live for 20 minutes and more.
const UNSAID_LIFE: Duration = Duration::from_secs(600);
/// No token is kept for longer; a day is the longest that IBM gives one.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// An exchange that is yet to be made.
#[derive(Debug)]
pub struct TokenExchange {
    /// Where: a host, or the whole address.
    pub address: Url,
    /// What is exchanged.
    pub proof: Proof,
    /// The reason when the secret is refused.
    pub refused: Reason,
    /// The reason when there is no answer.
    pub away: Reason,
}

/// What is exchanged for a token.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A key of IBM Cloud.
    CloudKey(Secret),
    /// A key of a user of Software Hub.
    HubKey {
        /// The user's name.
        username: String,
        /// The key.
        key: Secret,
    },
    /// The password of a user of Software Hub.
    HubPassword {
        /// The user's name.
        username: String,
        /// The password.
        password: Secret,
    },
}

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

impl TokenExchange {
    /// Makes the exchange.
    ///
    /// # Errors
    /// That the secret was refused, or that there was no answer.
    pub async fn make(self, client: &Client) -> Result<Fresh<Secret>> {
        let asked = Asked { who: "the identity service", refused: self.refused, away: self.away };
        let fetched = async {
            let answer = asked.ask(client, self.request()).await?;
            read(asked, answer.given("the gateway's credential")?)
        };
        fetched.await.map_err(|error| redact(error, [self.proof.secret()]))
    }

    fn request(&self) -> Request {
        let (content_type, path, body) = match &self.proof {
            Proof::CloudKey(key) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", GRANT).append_pair("apikey", key.expose());
                (FORM, CLOUD_PATH, form.finish())
            }
            Proof::HubKey { username, key } => (JSON, HUB_PATH, hub_body(username, "api_key", key)),
            Proof::HubPassword { username, password } => {
                (JSON, HUB_PATH, hub_body(username, "password", password))
            }
        };
        let mut url = self.address.clone();
        if url.path() == "/" {
            url.set_path(path);
        }
        let mut request = Request::new(Method::POST, url);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::ACCEPT, JSON);
        *request.body_mut() = Some(body.into());
        request
    }
}

impl Proof {
    fn secret(&self) -> &Secret {
        match self {
            Self::CloudKey(secret)
            | Self::HubKey { key: secret, .. }
            | Self::HubPassword { password: secret, .. } => secret,
        }
    }
}

fn hub_body(username: &str, name: &'static str, secret: &Secret) -> String {
    Writer::text_of(|object| {
        object.text("username", username);
        object.text(name, secret.expose());
    })
}

fn read(asked: Asked, body: &[u8]) -> Result<Fresh<Secret>> {
    let Answer { access_token, expires_in } =
        serde_json::from_slice(body).map_err(|_| asked.unreadable("holds no token; is auth_url right?"))?;
    let life = expires_in.map(Duration::from_secs).or_else(|| life(&access_token)).unwrap_or(UNSAID_LIFE);
    Ok(Fresh { value: Secret::new(access_token), life: life.min(LONGEST_LIFE), stale: Duration::ZERO })
}

/// What the token itself says, where it is a signed one. The machine's clock need not be right for that.
fn life(token: &str) -> Option<Duration> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let Claims { iat, exp } = serde_json::from_slice(&claims).ok()?;
    exp.checked_sub(iat).map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
