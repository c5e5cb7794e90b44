//! What clients send to get a token, and what they are told, in the words of the three services that they know.

use serde_json::json;

use super::{Members, json, malformed};
use crate::{secret::Secret, wire::json::Malformed};

/// The grant type by which IBM Cloud takes an API key.
pub const API_KEY_GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";
/// The grant type by which Software Hub takes a password.
pub const PASSWORD_GRANT: &str = "password";
/// The version of Software Hub that we tell clients we are: the lowest that its SDK takes a gateway from is 5.2.
const HUB_VERSION: &str = "5.3.0";
/// Every argument that some client sends. What stands between two of them is a value, whatever it holds.
const ARGUMENTS: [&str; 10] = [
    "grant_type",
    "apikey",
    "username",
    "password",
    "scope",
    "account_id",
    "response_type",
    "client_id",
    "client_secret",
    "refresh_token",
];

/// A form, `name=value&name=value`.
#[derive(Clone, Copy)]
pub struct Form<'a>(&'a str);

// === impl Form ===

impl<'a> Form<'a> {
    /// A form in UTF-8.
    ///
    /// # Errors
    /// When it is not.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        std::str::from_utf8(body).map(Self).map_err(|_| malformed("", "the body is not a form in UTF-8"))
    }

    /// The argument, decoded. Empty where there is none.
    #[must_use]
    pub fn text(self, name: &str) -> String {
        url::form_urlencoded::parse(self.0.as_bytes())
            .find(|(key, _)| key == name)
            .map_or_else(String::new, |(_, value)| value.into_owned())
    }

    /// What a secret may be that stands under this name, each once. Some clients encode it, as forms want it; some write it
    /// down as it is, so that a `+`, a `%` or even a `&` in it stands for itself. Empty where there is none.
    #[must_use]
    pub fn secrets(self, name: &str) -> Vec<Secret> {
        let mut pairs = self.0.split('&').skip_while(|pair| value_of(pair, name).is_none());
        let Some(raw) = pairs.next().and_then(|pair| value_of(pair, name)) else { return Vec::new() };
        let mut whole = raw.to_owned();
        for more in pairs.take_while(|pair| ARGUMENTS.iter().all(|name| value_of(pair, name).is_none())) {
            whole.push('&');
            whole.push_str(more);
        }
        let mut readings = vec![self.text(name), raw.to_owned(), whole];
        readings.dedup();
        readings.into_iter().filter(|reading| !reading.is_empty()).map(Secret::new).collect()
    }
}

fn value_of<'a>(pair: &'a str, name: &str) -> Option<&'a str> {
    pair.strip_prefix(name)?.strip_prefix('=')
}

/// The API key in a request to Software Hub: that under `api_key`, or the password.
///
/// # Errors
/// When it is not a JSON object with one of them.
pub fn authorize_secrets(body: &[u8]) -> Result<Vec<Secret>, Malformed> {
    // What the reader says of it could quote a secret.
    let members = Members::of(body).map_err(|_| malformed("", "the body is not a JSON object"))?;
    let mut secrets = Vec::new();
    for name in ["api_key", "password"] {
        if let Some(secret) = members.text(name)?.set().filter(|secret| !secret.is_empty()) {
            secrets.push(Secret::new(secret));
        }
    }
    if secrets.is_empty() {
        return Err(malformed("api_key", "is required: an API key, here or as password"));
    }
    Ok(secrets)
}

// === what clients are told ===

/// A token, as IBM Cloud's identity service gives it.
#[must_use]
pub fn iam_token(token: &str, issued: u64, expires: u64) -> Vec<u8> {
    json(&json!({
        "access_token": token,
        // As there: who wants another token sends the key again.
        "refresh_token": "not_supported",
        "token_type": "Bearer",
        "expires_in": expires.saturating_sub(issued),
        "expiration": expires,
        "scope": "ibm openid",
    }))
}

/// A failure, as IBM Cloud's identity service tells it.
#[must_use]
pub fn iam_error(code: &str, message: &str, request_id: &str) -> Vec<u8> {
    json(&json!({"errorCode": code, "errorMessage": message, "context": {"requestId": request_id}}))
}

/// A token, as Software Hub gives it for a user and a key.
#[must_use]
pub fn hub_token(token: &str) -> Vec<u8> {
    json(&json!({"_messageCode_": "200", "message": "Success", "token": token}))
}

/// A failure, as Software Hub tells it.
#[must_use]
pub fn hub_error(status: u16, message: &str, request_id: &str) -> Vec<u8> {
    json(&json!({
        "_messageCode_": status.to_string(), "_statusCode_": status, "message": message, "exception": message,
        "request_id": request_id,
    }))
}

/// A token, as Software Hub's identity provider gives it: RFC 6749, section 5.1, and the end that the Java SDK reads.
#[must_use]
pub fn provider_token(token: &str, issued: u64, expires: u64) -> Vec<u8> {
    json(&json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": expires.saturating_sub(issued),
        "expiration": expires,
        "scope": "openid",
    }))
}

/// A failure, as the same tells it (RFC 6749, section 5.2).
#[must_use]
pub fn provider_error(code: &str, message: &str) -> Vec<u8> {
    json(&json!({"error": code, "error_description": message}))
}

/// A token that was looked at and found good.
#[must_use]
pub fn validated_token(token: &str, username: &str) -> Vec<u8> {
    json(
        &json!({"_messageCode_": "success", "message": "Success", "username": username, "accessToken": token}),
    )
}

/// What clients ask first, to know what they talk to.
#[must_use]
pub fn hub_version() -> Vec<u8> {
    json(&json!({"version": HUB_VERSION}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(form: &str, name: &str) -> Vec<String> {
        let form = Form::read(form.as_bytes()).unwrap();
        form.secrets(name).iter().map(|secret| secret.expose().to_owned()).collect()
    }

    #[test]
    fn a_secret_is_found_whether_its_client_encodes_it_or_not() {
        for secret in ["plain-0123456789", "a+b/c==d", "100%25&more", "x&y=z&grant", "per%cent", "a&&b"] {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for written in [secret, &encoded] {
                for form in [
                    format!("apikey={written}&grant_type=urn%3Aibm"),
                    format!("grant_type=urn%3Aibm&apikey={written}"),
                    format!("grant_type=urn%3Aibm&apikey={written}&response_type=cloud_iam"),
                ] {
                    assert!(readings(&form, "apikey").iter().any(|found| found == secret), "{form}");
                    assert_eq!(Form::read(form.as_bytes()).unwrap().text("grant_type"), "urn:ibm");
                }
            }
        }
    }

    #[test]
    fn no_secret_is_read_where_there_is_none() {
        for form in ["", "&", "=", "apikey", "apikey=", "apikeys=x", "xapikey=x", "grant_type=apikey"] {
            assert_eq!(readings(form, "apikey"), [""; 0], "{form}");
        }
        assert!(Form::read(b"apikey=\xff").is_err());
    }

    #[test]
    fn a_hub_takes_a_key_or_a_password() {
        let of = |body: &str| -> Result<Vec<String>, Malformed> {
            Ok(authorize_secrets(body.as_bytes())?.iter().map(|secret| secret.expose().to_owned()).collect())
        };
        assert_eq!(of(r#"{"username": "u", "api_key": "k"}"#).unwrap(), ["k"]);
        assert_eq!(of(r#"{"username": "u", "password": "p", "account_id": "1"}"#).unwrap(), ["p"]);
        assert_eq!(of(r#"{"password": "p", "api_key": null}"#).unwrap(), ["p"]);
        for (wrong, field) in [
            ("", ""),
            ("[]", ""),
            (r#"{"username": "u"}"#, "api_key"),
            (r#"{"api_key": 1}"#, "api_key"),
            (r#"{"api_key": "", "password": ""}"#, "api_key"),
        ] {
            assert_eq!(of(wrong).unwrap_err().field, field, "{wrong}");
        }
    }
}
