//! IBM Cloud Secrets Manager.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Content, Credential, Resource,
    bearer::{Bearer, Login, below, members_of, not_readable},
    members,
};
use crate::{
    error::Result,
    http::Client,
    proto::v1,
    secret::Secret,
    secrets::{Crn, IAM_URL, Proof},
    task::Tasks,
    wire::json,
};

const PRIVATE_IAM_URL: &str = "https://private.iam.cloud.ibm.com";
/// The state of a secret that may be used.
const ACTIVE: i64 = 1;

/// IBM Cloud Secrets Manager.
#[derive(Debug)]
pub struct IbmCloud {
    settings: v1::IbmSecretsManager,
    bearer: Bearer,
}

/// A secret, as far as it matters here.
#[derive(Deserialize)]
struct Kept<'a> {
    secret_type: String,
    crn: Option<String>,
    state: Option<i64>,
    /// What a secret of type `kv` holds: an object.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// What a secret of type `arbitrary` holds: a text.
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl IbmCloud {
    pub(super) fn new(settings: &v1::IbmSecretsManager, client: Client) -> Self {
        let bearer = Bearer::new("IBM Cloud Secrets Manager", client);
        Self { settings: settings.clone(), bearer }
    }

    pub(super) async fn read(&self, resource: &Resource, own: &Credential, tasks: &Tasks) -> Result<Content> {
        let Resource::IbmCloud(crn) = resource else {
            let why = "is no CRN, and so not kept in IBM Cloud Secrets Manager; name another secret manager";
            return Err(not_readable(resource, why));
        };
        let login = self.login(resource, crn, own)?;
        let url = below(&self.address(resource, crn)?, &format!("/api/v2/secrets/{}", crn.secret))?;
        let answer = self.bearer.get(&url, resource, &login, tasks).await?;
        let kept = serde_json::from_slice(answer.body())
            .map_err(|_| self.bearer.unreadable("is no secret; is the address right?"))?;
        content(resource, &kept)
    }

    /// Where the instance is called that the CRN names.
    fn address(&self, resource: &Resource, crn: &Crn) -> Result<String> {
        let v1::IbmSecretsManager { instance: only, private_endpoint, address, .. } = &self.settings;
        if !only.is_empty() && *only != crn.instance {
            let why = format!("cannot be read: the secret manager is set up for instance {only} alone");
            return Err(not_readable(resource, &why));
        }
        if !address.is_empty() {
            return Ok(address.clone());
        }
        let Crn { region, instance, is_staging, .. } = crn;
        let way = if *private_endpoint { "private." } else { "" };
        let domain = if *is_staging { "test.appdomain.cloud" } else { "appdomain.cloud" };
        Ok(format!("https://{instance}.{way}{region}.secrets-manager.{domain}"))
    }

    fn login(&self, resource: &Resource, crn: &Crn, own: &Credential) -> Result<Login> {
        let v1::IbmSecretsManager { auth_url, private_endpoint, .. } = &self.settings;
        let address = match (auth_url.as_str(), crn.is_staging) {
            // The key is one of the cloud that callers use, and shall not be shown to another because of a reference.
            ("", true) => {
                let why = "is one of IBM's staging cloud; set auth_url of the secret manager to its identity service";
                return Err(not_readable(resource, why));
            }
            ("", false) if *private_endpoint => PRIVATE_IAM_URL,
            ("", false) => IAM_URL,
            (address, _) => address,
        };
        let missing =
            || not_readable(resource, "cannot be read: the secret manager has no credential \"apikey\"");
        let key = own.get("apikey").ok_or_else(missing)?;
        Ok(Login { address: below(address, "")?, proof: Proof::CloudKey(key.clone()) })
    }
}

fn content(resource: &Resource, kept: &Kept<'_>) -> Result<Content> {
    // A manager that is not the one of the CRN, as behind a proxy, might know another secret by the same id.
    let is_asked = |crn: &String| Resource::read(crn).is_ok_and(|given| given == *resource);
    if !kept.crn.as_ref().is_none_or(is_asked) {
        let why = "was asked for, and another secret was given; is the address of the secret manager right?";
        return Err(not_readable(resource, why));
    }
    match kept.state {
        None | Some(ACTIVE) => {}
        Some(state) => {
            return Err(not_readable(resource, &format!("is {}; only active ones are used", name(state))));
        }
    }
    let content = match kept.secret_type.as_str() {
        "kv" => match kept.data {
            Some(data) => Some(members_of(resource, data)?),
            None => None,
        },
        "arbitrary" => kept
            .payload
            .and_then(|payload| serde_json::from_str(payload.get()).map(Secret::new).ok())
            .map(|payload| {
                let members = json::read(payload.expose().as_bytes(), members::read);
                members.map_or(Content::Text(payload), Content::Members)
            }),
        other => {
            let why = format!("is of type {other}; only kv and arbitrary can be referred to");
            return Err(not_readable(resource, &why));
        }
    };
    content.ok_or_else(|| not_readable(resource, &format!("is of type {}, but empty", kept.secret_type)))
}

/// The name of a state.
fn name(state: i64) -> String {
    match state {
        0 => "not activated yet (state 0)".to_owned(),
        2 => "suspended (state 2)".to_owned(),
        3 => "deactivated (state 3)".to_owned(),
        5 => "destroyed (state 5)".to_owned(),
        other => format!("in the unknown state {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Clients, Way};

    const CRN: &str = "crn:v1:bluemix:public:secrets-manager:us-south:a/0123abcd:11-22:secret:33-44";

    fn manager(settings: v1::IbmSecretsManager) -> IbmCloud {
        IbmCloud::new(&settings, Clients::default().get(&Way::default()).unwrap())
    }

    /// Where the secret is read and the token fetched, or why not.
    fn addresses(settings: v1::IbmSecretsManager, crn: &str) -> Result<(String, String), String> {
        let resource = Resource::read(crn).unwrap();
        let Resource::IbmCloud(crn) = &resource else { panic!("it is a CRN") };
        let own = Credential::new([("apikey".to_owned(), "k".to_owned())].into());
        let manager = manager(settings);
        let why = |error: crate::error::Error| error.message().to_owned();
        let login = manager.login(&resource, crn, &own).map_err(why)?;
        Ok((manager.address(&resource, crn).map_err(why)?, login.address.to_string()))
    }

    #[test]
    fn a_crn_stands_for_its_own_address() {
        let settings = v1::IbmSecretsManager::default;
        let private = || v1::IbmSecretsManager { private_endpoint: true, ..settings() };
        let own = || v1::IbmSecretsManager {
            instance: "11-22".into(),
            address: "https://proxy.example.com".into(),
            auth_url: "https://iam.example.com/identity/token".into(),
            ..private()
        };
        let staging = CRN.replace("bluemix", "staging");
        for (settings, crn, address, login) in [
            (
                settings(),
                CRN,
                "https://11-22.us-south.secrets-manager.appdomain.cloud",
                "https://iam.cloud.ibm.com/",
            ),
            (
                private(),
                CRN,
                "https://11-22.private.us-south.secrets-manager.appdomain.cloud",
                "https://private.iam.cloud.ibm.com/",
            ),
            (own(), CRN, "https://proxy.example.com", "https://iam.example.com/identity/token"),
            (
                v1::IbmSecretsManager { auth_url: "https://iam.example.com".into(), ..settings() },
                &staging,
                "https://11-22.us-south.secrets-manager.test.appdomain.cloud",
                "https://iam.example.com/",
            ),
        ] {
            assert_eq!(addresses(settings, crn), Ok((address.to_owned(), login.to_owned())));
        }
        let error = addresses(own(), &CRN.replace("11-22", "11-23")).unwrap_err();
        assert!(error.contains("for instance 11-22 alone"), "{error}");
        let error = addresses(settings(), &staging).unwrap_err();
        assert!(error.contains("auth_url"), "the key goes to no cloud that nobody named: {error}");
    }

    #[test]
    fn only_active_secrets_of_the_two_types_are_given() {
        let resource = Resource::read(CRN).unwrap();
        let read = |json: &str| content(&resource, &serde_json::from_str(json).unwrap());
        for (json, says) in [
            (r#"{"secret_type":"kv","state":0,"data":{}}"#, "not activated"),
            (r#"{"secret_type":"kv","state":2,"data":{}}"#, "suspended"),
            (r#"{"secret_type":"kv","state":3,"data":{}}"#, "deactivated"),
            (r#"{"secret_type":"kv","state":5}"#, "destroyed"),
            (r#"{"secret_type":"kv","state":9}"#, "unknown state 9"),
            (r#"{"secret_type":"kv","state":1}"#, "empty"),
            (r#"{"secret_type":"kv","state":1,"data":"x"}"#, "no secrets by name"),
            (r#"{"secret_type":"arbitrary","state":1,"data":{}}"#, "empty"),
            (r#"{"secret_type":"username_password","state":1,"username":"u"}"#, "type username_password"),
        ] {
            let error = read(json).unwrap_err();
            assert_eq!(error.reason(), crate::error::Reason::SecretNotReadable);
            assert!(error.message().contains(says), "{error}");
        }
        let other = CRN.replace("33-44", "33-45");
        let other = format!(r#"{{"secret_type":"kv","state":1,"crn":"{other}","data":{{"apikey":"k"}}}}"#);
        assert!(read(&other).unwrap_err().message().contains("another secret"));
        assert!(read(&other.replace("33-45", "33-44")).is_ok());
    }
}
