//! What `Debug` prints of what holds secrets.

use std::{collections::BTreeSet, fmt::Debug, fs, path::Path};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use sluicegate::{
    config::Secrets,
    proto::{self, v1},
    secret::Secret,
};

use super::Detector;

const SECRET: &str = "sk-debugged-0123456789-abcdefghij";

/// Fields whose names sound like secrets, and hold none.
const HARMLESS: &[&str] = &[
    "TokenLogprob.token",
    "page_token",
    "next_page_token",
    "token_ids",
    "token_type",
    "secret_changed",
    "secret_manager",
    "secret_managers",
];

/// Messages whose `Debug` is written by hand, as build.rs lists them.
fn hidden() -> BTreeSet<String> {
    let build = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs")).expect("build.rs");
    let list = build.split_once("SECRET_MESSAGES").expect("the list").1.split_once("];").expect("its end").0;
    list.split('"').filter_map(|name| name.strip_prefix(".sluicegate.v1.")).map(str::to_owned).collect()
}

#[test]
fn messages_that_hold_secrets_do_not_print_them() {
    let secret = || SECRET.to_owned();
    let inline = v1::InlineSecrets { values: [("apikey".to_owned(), secret())].into() };
    let credential = v1::Credential { source: Some(v1::credential::Source::Inline(inline.clone())) };
    let connection = v1::Connection { credential: Some(credential.clone()), ..Default::default() };
    let provider = v1::Provider {
        credential: Some(credential.clone()),
        connection: Some(connection),
        ..Default::default()
    };
    let manager = v1::SecretManager { credential: Some(credential), ..Default::default() };
    let printed: [(&str, &dyn Debug); 5] = [
        ("InlineSecrets", &inline),
        ("CreateApiKeyRequest", &v1::CreateApiKeyRequest { secret: secret(), ..Default::default() }),
        ("CreateApiKeyResponse", &v1::CreateApiKeyResponse { secret: secret(), ..Default::default() }),
        ("RotateApiKeyRequest", &v1::RotateApiKeyRequest { secret: secret(), ..Default::default() }),
        ("RotateApiKeyResponse", &v1::RotateApiKeyResponse { secret: secret(), ..Default::default() }),
    ];
    assert_eq!(printed.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>(), hidden());
    let settings = Secrets { admin_key: Some(Secret::new(secret())), ..Default::default() };
    let around: [(&str, &dyn Debug); 4] = [
        ("CreateProviderRequest", &v1::CreateProviderRequest { provider: Some(provider.clone()) }),
        ("UpdateProviderRequest", &v1::UpdateProviderRequest { provider: Some(provider) }),
        ("CreateSecretManagerRequest", &v1::CreateSecretManagerRequest { secret_manager: Some(manager) }),
        ("Secrets", &settings),
    ];
    let detector = Detector::new([("secret", SECRET.as_bytes())]);
    for (name, message) in printed.iter().chain(&around) {
        for text in [format!("{message:?}"), format!("{message:#?}")] {
            assert_eq!(detector.leaks(text.as_bytes()), [], "{name}");
        }
    }
}

/// A field that is added later is found here, unless its name hides what it is.
#[test]
fn every_field_that_is_named_like_a_secret_is_hidden() {
    let set = FileDescriptorSet::decode(proto::DESCRIPTORS).expect("descriptors");
    let hidden = hidden();
    let mut found = BTreeSet::new();
    for message in
        set.file.iter().filter(|file| file.package() == "sluicegate.v1").flat_map(|file| &file.message_type)
    {
        for field in &message.field {
            let name = field.name();
            let sounds = ["secret", "password", "apikey", "private_key", "token"]
                .iter()
                .any(|word| name.contains(word));
            let text = matches!(
                field.r#type(),
                prost_types::field_descriptor_proto::Type::String
                    | prost_types::field_descriptor_proto::Type::Bytes
            );
            let full = format!("{}.{name}", message.name());
            if sounds && text && !HARMLESS.iter().any(|harmless| [name, &full].contains(harmless)) {
                found.insert(message.name().to_owned());
                assert!(hidden.contains(message.name()), "{}.{name} is printed by Debug", message.name());
            }
        }
    }
    // The last one has a map, whose values are the secrets.
    found.insert("InlineSecrets".to_owned());
    assert_eq!(found, hidden, "what is listed in build.rs is there");
}
