//! Tokens of identity providers.

mod certified;
mod forged;
mod outages;

use serde_json::Value;
use sluicegate_client::{
    Gateway,
    v1::{AccessRole, CreateIssuerRequest, Issuer, ListModelsRequest, RoleMapping, UpdateIssuerRequest},
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{TestGateway, chat};

/// An issuer whose tokens must be for `audience`, and let in everybody as a user.
fn issuer(name: &str, url: &str, audience: &str) -> Issuer {
    Issuer {
        name: name.into(),
        issuer_url: url.into(),
        audiences: vec![audience.into()],
        default_role: AccessRole::User.into(),
        ..Default::default()
    }
}

fn roles(mappings: &[(&str, AccessRole)]) -> Vec<RoleMapping> {
    let mapping = |(group, role): &(&str, AccessRole)| RoleMapping {
        group: (*group).to_owned(),
        role: i32::from(*role),
    };
    mappings.iter().map(mapping).collect()
}

impl TestGateway {
    async fn add_issuer(&self, issuer: Issuer) -> Issuer {
        let request = CreateIssuerRequest { issuer: Some(issuer) };
        let created = self.client.access().create_issuer(request).await.expect("the issuer is created");
        created.into_inner().issuer.expect("an issuer")
    }

    async fn change_issuer(&self, issuer: Issuer) -> Issuer {
        let request = UpdateIssuerRequest { issuer: Some(issuer) };
        let updated = self.client.access().update_issuer(request).await.expect("the issuer is changed");
        updated.into_inner().issuer.expect("an issuer")
    }

    /// What REST says to the bearer of a token who lists the models: status, code and message of the error.
    async fn rest(&self, token: &str) -> (u16, String, String) {
        let request = self.http.get(format!("{}/v1/models", self.url)).bearer_auth(token);
        told(request).await
    }

    /// The same of a chat.
    async fn rest_chat(&self, token: &str, model: &str) -> (u16, String, String) {
        let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        let request = self.http.post(format!("{}/v1/chat/completions", self.url)).bearer_auth(token);
        told(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// What gRPC says to the bearer of a token who lists the models: code and reason.
    async fn grpc(&self, token: &str) -> (Code, String) {
        let client = Gateway::connect(&self.url, token).await.expect("a connection");
        told_by_grpc(client.models().list_models(ListModelsRequest::default()).await)
    }

    /// The same of a chat.
    async fn grpc_chat(&self, token: &str, model: &str) -> (Code, String) {
        let client = Gateway::connect(&self.url, token).await.expect("a connection");
        told_by_grpc(client.inference().chat(chat(model, "Hi")).await)
    }
}

async fn told(request: reqwest::RequestBuilder) -> (u16, String, String) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
    let text = |member: &str| body["error"][member].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("message"))
}

fn told_by_grpc<T>(outcome: Result<tonic::Response<T>, tonic::Status>) -> (Code, String) {
    match outcome {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => {
            let info = status.get_error_details().error_info().map(|info| info.reason.clone());
            (status.code(), info.unwrap_or_default())
        }
    }
}

/// POSTs to a server of tests/peers, and what it answers.
async fn ask(url: &str, path: &str, body: &Value) -> String {
    let request = reqwest::Client::new().post(format!("{url}{path}")).body(body.to_string());
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert!(status.is_success(), "{path}: {text}");
    text
}
