//! A gateway with resources that policies open and close to a group.

use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_client::v1::{
    self, AccessRole, PolicyAction, PolicyEffect, credential::Source, secret_manager::Kind,
};

use crate::support::{TestGateway, start_gateway};

/// The group of the callers.
pub const TEAM: &str = "team";
/// A group without them.
pub const OTHERS: &str = "others";

/// A provider with one model and its rate limit, a policy, a key and a secret manager.
#[derive(Clone, Debug, Default)]
pub struct Set {
    pub provider: String,
    pub name: String,
    pub model: String,
    pub alias: String,
    pub policy: String,
    /// Of the policy.
    pub subject: String,
    pub key: String,
    /// Of the model.
    pub limit: String,
    pub issuer: String,
    pub manager: String,
}

impl Set {
    /// The text with the words of the table replaced by what they stand for.
    pub fn fill(&self, text: &str) -> String {
        [
            ("PROVIDER", &*self.provider),
            ("MODEL", &self.model),
            ("ALIAS", &self.alias),
            ("NAME", &self.name),
            ("POLICY", &self.policy),
            ("SUBJECT", &self.subject),
            ("FRESH", &fresh()),
            ("KEY", &self.key),
            ("TYPE", "demo"),
            ("LIMIT", &self.limit),
            ("ISSUER", &self.issuer),
            ("MANAGER", &self.manager),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (word, value)| replace_word(&text, word, value))
    }
}

/// Replaces a word that is no part of a longer one.
fn replace_word(text: &str, word: &str, value: &str) -> String {
    let is_part =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(word) {
        let part = is_part(before.chars().next_back()) || is_part(after.chars().next());
        filled.push_str(before);
        filled.push_str(if part { word } else { value });
        rest = after;
    }
    filled + rest
}

/// A name that nobody has, and that is no part of another one.
pub fn fresh() -> String {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    format!("n-{}-", LAST.fetch_add(1, Ordering::Relaxed))
}

/// A gateway, and the secrets of a user, a manager and an auditor in the team.
pub struct World {
    pub gateway: TestGateway,
    pub user: String,
    pub manage: String,
    pub audit: String,
}

impl World {
    pub async fn new() -> Self {
        let gateway = start_gateway().await;
        let user = gateway.member(AccessRole::User, &[TEAM]).await;
        let manage = gateway.member(AccessRole::Manage, &[TEAM]).await;
        let audit = gateway.member(AccessRole::Audit, &[TEAM]).await;
        Self { gateway, user, manage, audit }
    }

    /// Resources in the condition at this place of the table's.
    pub async fn set(&self, condition: usize) -> Set {
        let (name, alias, subject) = (fresh(), fresh(), fresh());
        let provider = self.gateway.demo_provider(&name).await;
        let model = self.gateway.add_model(&name, "demo", &alias, None).await.id;
        let policy =
            self.gateway.policy(&subject, PolicyAction::Read, "load_balancer:*", PolicyEffect::Deny).await;
        let (key, limit) = (self.gateway.plain_key().await, self.gateway.limit(&model).await);
        // No policy is about issuers, so that only the first condition is asked about them.
        let issuer = if condition == 0 { self.gateway.plain_issuer().await } else { String::new() };
        let manager = self.gateway.vault().await;
        let set = Set { provider, name, model, alias, policy, subject, key, limit, issuer, manager };
        let (read, write, allow) = (PolicyAction::Read, PolicyAction::Write, PolicyEffect::Allow);
        let said: &[(&str, PolicyAction, PolicyEffect)] = match condition {
            0 => &[(TEAM, read, allow), (TEAM, write, allow)],
            1 => &[(OTHERS, read, allow)],
            2 => &[(TEAM, read, PolicyEffect::Deny)],
            _ => &[(TEAM, read, allow), (OTHERS, write, allow)],
        };
        for resource in [
            format!("provider:{}", set.provider),
            format!("model:{}", set.model),
            format!("policy:{}", set.policy),
        ] {
            for (subject, action, effect) in said {
                self.gateway.policy(subject, *action, &resource, *effect).await;
            }
        }
        set
    }
}

impl TestGateway {
    /// Makes a key of this role in these groups and gives its secret.
    pub async fn member(&self, role: AccessRole, groups: &[&str]) -> String {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let api_key = v1::ApiKey { name: fresh(), role: role.into(), groups, ..Default::default() };
        let request = v1::CreateApiKeyRequest { api_key: Some(api_key), secret: String::new() };
        self.client.access().create_api_key(request).await.expect("the key is created").into_inner().secret
    }

    /// Makes a key and gives its id.
    async fn plain_key(&self) -> String {
        let api_key = v1::ApiKey { name: fresh(), role: AccessRole::User.into(), ..Default::default() };
        let request = v1::CreateApiKeyRequest { api_key: Some(api_key), secret: String::new() };
        let created = self.client.access().create_api_key(request).await.expect("the key is created");
        created.into_inner().api_key.expect("a key").id
    }

    /// Makes an issuer and gives its id. There can be only so many: those that were made before go.
    async fn plain_issuer(&self) -> String {
        let listed = self.client.access().list_issuers(v1::ListIssuersRequest::default()).await;
        for v1::Issuer { id, .. } in listed.expect("issuers").into_inner().issuers {
            let request = v1::DeleteIssuerRequest { id };
            self.client.access().delete_issuer(request).await.expect("the issuer is deleted");
        }
        let name = fresh();
        let issuer = v1::Issuer {
            issuer_url: format!("https://{name}.invalid"),
            name,
            audiences: vec!["a".into()],
            disabled: true,
            ..Default::default()
        };
        let request = v1::CreateIssuerRequest { issuer: Some(issuer) };
        let created = self.client.access().create_issuer(request).await.expect("the issuer is created");
        created.into_inner().issuer.expect("an issuer").id
    }

    /// Registers the built-in provider under a name and gives its id.
    async fn demo_provider(&self, name: &str) -> String {
        let provider = v1::Provider { name: name.into(), r#type: "demo".into(), ..Default::default() };
        let request = v1::CreateProviderRequest { provider: Some(provider) };
        let created =
            self.client.providers().create_provider(request).await.expect("the provider is created");
        created.into_inner().provider.expect("a provider").id
    }

    /// Registers a secret manager and gives its id.
    async fn vault(&self) -> String {
        let kind = Kind::Vault(v1::Vault { address: "https://vault.example".into(), ..Default::default() });
        let token = v1::InlineSecrets { values: [("token".to_owned(), "t".to_owned())].into() };
        let credential = v1::Credential { source: Some(Source::Inline(token)) };
        let manager = v1::SecretManager {
            name: fresh(),
            kind: Some(kind),
            credential: Some(credential),
            ..Default::default()
        };
        let request = v1::CreateSecretManagerRequest { secret_manager: Some(manager) };
        let created = self.client.providers().create_secret_manager(request).await.expect("it is created");
        created.into_inner().secret_manager.expect("a secret manager").id
    }

    /// Makes a rate limit of a model and gives its id.
    async fn limit(&self, model: &str) -> String {
        let rate_limit = v1::RateLimit {
            r#type: v1::RateLimitType::Model.into(),
            model: model.into(),
            request: Some(v1::RateBucket { amount: 1, capacity: 1, duration: "1m".into() }),
            ..Default::default()
        };
        let request = v1::CreateRateLimitRequest { rate_limit: Some(rate_limit) };
        let created = self.client.access().create_rate_limit(request).await.expect("the limit is created");
        created.into_inner().rate_limit.expect("a limit").id
    }

    /// Makes a policy and gives its id.
    pub async fn policy(
        &self,
        subject: &str,
        action: PolicyAction,
        resource: &str,
        effect: PolicyEffect,
    ) -> String {
        let policy = v1::Policy {
            subject: subject.into(),
            action: action.into(),
            resource: resource.into(),
            effect: effect.into(),
            ..Default::default()
        };
        let request = v1::CreatePolicyRequest { policy: Some(policy) };
        let created = self.client.access().create_policy(request).await.expect("the policy is created");
        created.into_inner().policy.expect("a policy").id
    }
}
