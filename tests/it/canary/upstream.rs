//! An upstream that says back all that it is told, wherever an answer has a place for it.

use std::sync::Arc;

use serde_json::json;
use tokio_rustls::rustls::ServerConfig;

use super::slots::Canaries;
use crate::support::{
    FakeUpstream, Received, Step, clean_end, event, json_answer, piece, stream_head, text_event,
};

/// What the upstream does with a model of this name; a word that stands in no path of any vendor.
pub const MODES: [&str; 5] = ["refuse", "deplete", "redirect", "garble", "stammer"];

/// Where it exchanges a key for a token, and where it refuses to.
pub const GOOD_LOGIN: &str = "/login-good";
pub const BAD_LOGIN: &str = "/login-bad";

/// Where it keeps a secret, as a Vault.
const GOOD_SECRET: &str = "/data/good";

/// Starts it. Tokens that it hands out are canaries.
pub async fn start(canaries: &Arc<Canaries>) -> FakeUpstream {
    let canaries = Arc::clone(canaries);
    FakeUpstream::start(move |request| answer(request, &canaries)).await
}

/// The same behind TLS.
pub async fn start_tls(canaries: &Arc<Canaries>, tls: Arc<ServerConfig>) -> FakeUpstream {
    let canaries = Arc::clone(canaries);
    FakeUpstream::start_tls(tls, move |request| answer(request, &canaries)).await
}

fn answer(request: &Received, canaries: &Canaries) -> Vec<Step> {
    let body = String::from_utf8_lossy(&request.body);
    let said = format!("{}{body}", request.head);
    if request.path.starts_with(GOOD_LOGIN) {
        let token = canaries.make("token of an identity service");
        return vec![Step::Send(json_answer(
            200,
            &json!({"access_token": token, "expires_in": 3600}).to_string(),
        ))];
    }
    if request.path.ends_with("/auth/token/lookup-self") {
        return vec![Step::Send(json_answer(200, r#"{"data": {"ttl": 3600, "renewable": false}}"#))];
    }
    if request.path.ends_with("/auth/approle/login") {
        let token = canaries.make("token of a Vault");
        let auth = json!({"auth": {"client_token": token, "lease_duration": 3600, "renewable": false}});
        return vec![Step::Send(json_answer(200, &auth.to_string()))];
    }
    if request.path.ends_with(GOOD_SECRET) {
        let secret = canaries.make("secret of a secret manager");
        let kept = json!({"data": {"data": {"apikey": secret}, "metadata": {"version": 1}}});
        return vec![Step::Send(json_answer(200, &kept.to_string()))];
    }
    let asked = format!("{} {body}", request.path);
    let mode = MODES.iter().find(|mode| asked.contains(*mode)).unwrap_or(&"refuse");
    // The secret is the last word of whatever header it is in.
    let words: Vec<_> = request.head.split_whitespace().filter(|word| word.len() >= 24).collect();
    let error = json!({"error": {"message": format!("Incorrect: {said}"), "code": words.first(), "param": words.last(),
        "type": words.concat()}, "message": said, "detail": said, "errors": [{"message": said, "code": words.concat()}]});
    let headers: String =
        ["x-request-id", "www-authenticate", "x-amzn-requestid", "request-id", "server", "location"]
            .iter()
            .map(|name| format!("{name}: http://127.0.0.1:9/?key={}\r\n", words.join("&key=")))
            .collect();
    let whole = |status: u16, text: &str| {
        let length = text.len();
        format!(
            "HTTP/1.1 {status} {}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{text}",
            words.join(" ")
        )
        .into_bytes()
    };
    match *mode {
        "deplete" => vec![Step::Send(whole(429, &error.to_string()))],
        "redirect" => vec![Step::Send(whole(302, &error.to_string()))],
        "garble" => vec![Step::Send(whole(200, &format!("{{\"choices\": {}", json!(said))))],
        "stammer" => {
            let events = [piece(text_event("Hi")), piece(event(&error)), clean_end()].concat();
            vec![Step::Send([stream_head(), events].concat())]
        }
        _ => vec![Step::Send(whole(401, &error.to_string()))],
    }
}
