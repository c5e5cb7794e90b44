//! What a reference names: one secret, in the words of where it is kept.

use std::{fmt, path::PathBuf};

/// The longest text of a resource.
const MAX_BYTES: usize = 1024;
const FORMS: &str = "write vault:PATH, a CRN of IBM Cloud Secrets Manager, the URN of a Software Hub secret, env:NAME or file:PATH";

/// One secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A variable of the gateway's environment.
    Environment(String),
    /// A file, absolute or below the folder that the gateway's start names.
    File(PathBuf),
    /// A path below the mount of a KV engine.
    Vault(String),
    /// A secret of IBM Cloud Secrets Manager.
    IbmCloud(Crn),
    /// The URN of a secret in a vault of Software Hub, `OWNER:NAME`.
    SoftwareHub(String),
}

/// The CRN of a secret of IBM Cloud Secrets Manager:
/// `crn:v1:bluemix:public:secrets-manager:REGION:a/ACCOUNT:INSTANCE:secret:ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crn {
    /// Region, e.g. `us-south`.
    pub region: String,
    /// UUID of the instance.
    pub instance: String,
    /// UUID of the secret.
    pub secret: String,
    /// Whether it is in IBM's staging cloud: `staging` in place of `bluemix`.
    pub is_staging: bool,
}

// === impl Resource ===

impl Resource {
    /// Reads the text of a reference.
    ///
    /// # Errors
    /// What is wrong with it, and how to mend it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(format!("must be at most {MAX_BYTES} visible ASCII characters"));
        }
        let Some((scheme, rest)) = text.split_once(':') else { return Err(FORMS.to_owned()) };
        match scheme {
            "env" => variable(rest),
            "file" => file(rest),
            "vault" => vault(rest),
            "crn" => crn(text),
            _ => software_hub(scheme, rest),
        }
    }
}

fn variable(name: &str) -> Result<Resource, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(fits) {
        return Err("names no variable; write env:NAME with letters, digits and _".to_owned());
    }
    Ok(Resource::Environment(name.to_owned()))
}

fn file(path: &str) -> Result<Resource, String> {
    if path.is_empty() || has_odd_segment(path.trim_start_matches('/')) {
        return Err("names no file; write file:PATH without . and .. and empty parts".to_owned());
    }
    Ok(Resource::File(path.into()))
}

fn vault(path: &str) -> Result<Resource, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./ @+".contains(&byte);
    // What a server would read otherwise than we do could lead around a rule.
    if path.is_empty() || has_odd_segment(path) || !path.bytes().all(fits) {
        return Err(
            "names no path; write vault:PATH with letters, digits and - _ . @ + / and without . and .. and empty parts"
                .to_owned(),
        );
    }
    Ok(Resource::Vault(path.to_owned()))
}

fn crn(text: &str) -> Result<Resource, String> {
    let wrong = || {
        "is no CRN of a secret; it reads crn:v1:bluemix:public:secrets-manager:REGION:a/ACCOUNT:INSTANCE:secret:ID"
            .to_owned()
    };
    let parts: Vec<_> = text.split(':').collect();
    let [_, "v1", cloud, "public", "secrets-manager", region, account, instance, "secret", secret] =
        parts[..]
    else {
        return Err(wrong());
    };
    // They become parts of a host's name.
    let plain = |text: &str| {
        (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let known = matches!(cloud, "bluemix" | "staging") && account.strip_prefix("a/").is_some_and(plain);
    if !known || ![region, instance, secret].into_iter().all(plain) {
        return Err(wrong());
    }
    let [region, instance, secret] = [region, instance, secret].map(str::to_owned);
    Ok(Resource::IbmCloud(Crn { region, instance, secret, is_staging: cloud == "staging" }))
}

fn software_hub(owner: &str, name: &str) -> Result<Resource, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_owner = !owner.is_empty() && owner.bytes().all(|byte| byte.is_ascii_digit());
    if !is_owner || name.is_empty() || has_odd_segment(name) || !name.bytes().all(fits) {
        return Err(FORMS.to_owned());
    }
    Ok(Resource::SoftwareHub(format!("{owner}:{name}")))
}

fn has_odd_segment(path: &str) -> bool {
    path.split('/').any(|segment| matches!(segment, "" | "." | "..") || segment.trim() != segment)
}

/// As it is written in a reference.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Vault(path) => write!(f, "vault:{path}"),
            Self::IbmCloud(crn) => write!(f, "the secret {} of instance {}", crn.secret, crn.instance),
            Self::SoftwareHub(urn) => f.write_str(urn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Crn, Resource};

    const CRN: &str = "crn:v1:bluemix:public:secrets-manager:us-south:a/0123abcd:11-22:secret:33-44";

    #[test]
    fn every_form_is_read() {
        let crn = |is_staging| {
            let [region, instance, secret] = ["us-south", "11-22", "33-44"].map(str::to_owned);
            Resource::IbmCloud(Crn { region, instance, secret, is_staging })
        };
        for (text, expected) in [
            ("env:OPENAI_API_KEY", Resource::Environment("OPENAI_API_KEY".into())),
            ("file:openai", Resource::File("openai".into())),
            ("file:/run/secrets/openai", Resource::File("/run/secrets/openai".into())),
            ("vault:team/openai", Resource::Vault("team/openai".into())),
            (CRN, crn(false)),
            (&CRN.replace("bluemix", "staging"), crn(true)),
            ("0000000000:internal", Resource::SoftwareHub("0000000000:internal".into())),
        ] {
            assert_eq!(Resource::read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for text in [
            "",
            "openai",
            "env:",
            "env:A B",
            "env:A=B",
            "file:",
            "file:../x",
            "file:a/../b",
            "file:a//b",
            "vault:",
            "vault:/a",
            "vault:a/",
            "vault:a/../b",
            "vault:a/./b",
            "vault:a?b",
            "vault:a%2f..%2fb",
            "vault:a#b",
            "vault:a/ b",
            "vault:a\nb",
            "x:y",
            "12:",
            "12:a/b",
            "12:..",
            "https://vault/x",
            &CRN.replace("us-south", "us.south"),
            &CRN.replace("us-south", "evil/"),
            &CRN.replace("secrets-manager", "kms"),
            &CRN.replace(":secret:", ":other:"),
            &CRN.replace("11-22", ""),
            &CRN.replace("33-44", "33-44:x"),
            &format!("vault:{}", "a".repeat(1024)),
        ] {
            assert!(Resource::read(text).is_err(), "{text}");
        }
    }
}
