//! A canary in every place that takes a secret, and every place that may show one looked through.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use sluicegate::providers::{Auth, Endpoint, ProviderType, REGISTRY};

use super::{
    Detector, ask,
    sinks::Sinks,
    upstream::{self, BAD_LOGIN, GOOD_LOGIN, MODES},
};
use crate::{
    authority::Authority,
    program::{Gateway, program},
    support::FakeUpstream,
};

/// Secrets of one run, each with the name of its place.
#[derive(Default)]
pub struct Canaries(Mutex<Vec<(String, String)>>);

/// The name of a provider, which is no secret, and for once looks like one: it has to be found in every sink, so that it
/// is known that each is looked at.
const PLANTED: &str = "planted";

// === impl Canaries ===

impl Canaries {
    /// A new one for this place.
    pub fn make(&self, place: &str) -> String {
        let mut bytes = [0; 20];
        aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.learn(place, &secret);
        secret
    }

    /// A secret that others made.
    pub fn learn(&self, place: &str, secret: &str) {
        self.0.lock().expect("not poisoned").push((place.to_owned(), secret.to_owned()));
    }

    fn detector(&self) -> Detector {
        let all = self.0.lock().expect("not poisoned");
        Detector::new(all.iter().map(|(place, secret)| (place.as_str(), secret.as_bytes())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_in_every_slot_is_seen_in_no_sink() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let canaries = Arc::new(Canaries::default());
    let sinks = Arc::new(Sinks::default());
    let (admin, old, new) =
        (canaries.make("bootstrap key"), canaries.make("master key"), canaries.make("next master key"));
    // A master key has 64 digits.
    let (old, new) = (format!("{old}{}", &new[..24]), format!("{new}{}", &old[..24]));
    let seed = seed_file(folder.path(), &canaries);
    let variables = [
        ("SLUICEGATE_ADMIN_KEY", admin.clone()),
        ("SLUICEGATE_MASTER_KEY", old.clone()),
        ("SEEDED_KEY", canaries.make("variable of a seed file")),
        ("SEEDED_SECRET", canaries.make("key of a seed file")),
        ("REFERRED_KEY", canaries.make("variable that a reference names")),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder of secrets");
    std::fs::write(files.join("referred"), canaries.make("file that a reference names")).expect("a secret");
    let events = folder.path().join("events.jsonl");
    let referred = [
        "--secret-env",
        "REFERRED_KEY",
        "--secret-files",
        files.to_str().expect("a path"),
        "--audit-file",
        events.to_str().expect("a path"),
    ];
    let arguments = [&["--config", seed.to_str().expect("a path")], &referred[..]].concat();

    let (gateway, log) = Gateway::start_heard(&data, &arguments, &variables);
    let planted = canaries.make(PLANTED);
    let caller = ask::Caller::connect(&gateway.url, &admin, &sinks).await;
    let upstream = upstream::start(&canaries).await;
    fill_providers(&caller, &canaries, &upstream, &planted).await;
    ask::keys(&caller, &canaries).await;
    ask::strangers(&caller, &canaries).await;
    ask::mistakes(&caller, &canaries).await;
    ask::secret_managers(&caller, &canaries, &upstream).await;
    for model in caller.models().await {
        caller.every_way(&model).await;
    }
    caller.read_everything().await;
    spoil(&seed, &canaries, &gateway, &sinks, &variables).await;
    run_commands(folder.path(), &gateway.url, &sinks, &variables);
    let metrics = caller.get("/metrics").await;
    sinks.add("metrics", metrics.as_bytes());

    // Dies without a chance to tidy up, and comes back with another master key.
    gateway.signal("-KILL");
    drop(gateway);
    sinks.add("log", log.rest().as_bytes());
    look_at_files(&data, &sinks);
    let both = format!("2:{new},1:{old}");
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, if *name == "SLUICEGATE_MASTER_KEY" { both.as_str() } else { value }))
        .collect();
    let (gateway, log) = Gateway::start_heard(&data, &referred, &variables);
    ask::Caller::connect(&gateway.url, &admin, &sinks).await.read_everything().await;
    gateway.signal("-TERM");
    log.tells("ended");
    drop(gateway);
    sinks.add("log", log.rest().as_bytes());
    look_at_files(&data, &sinks);

    sinks.add("audit file", &std::fs::read(events).expect("the audit file"));
    let seen = sinks.take();
    assert_eq!(seen.keys().collect::<Vec<_>>(), super::sinks::ALL.iter().collect::<Vec<_>>());
    let detector = canaries.detector();
    let mut wrong = Vec::new();
    for (sink, bytes) in &seen {
        let (planted, leaks): (Vec<_>, Vec<_>) =
            detector.leaks(bytes).into_iter().partition(|leak| leak.secret == PLANTED);
        if planted.is_empty() {
            wrong.push(format!("{sink}: what was planted is not found in its {} bytes", bytes.len()));
        }
        wrong.extend(leaks.iter().map(|leak| format!("{sink}: {leak:?}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A provider of every type with every kind of credential that it takes, and of every secret of a connection.
async fn fill_providers(
    caller: &ask::Caller,
    canaries: &Arc<Canaries>,
    upstream: &FakeUpstream,
    planted: &str,
) {
    let root = upstream.base_url.trim_end_matches("/v1");
    let mut all = Vec::new();
    for row in REGISTRY.iter().filter(|row| !matches!(row.endpoint, Endpoint::BuiltIn(_))) {
        for auth in row.auth {
            all.extend(logins(*auth, root).map(|settings| provider(row, *auth, settings, root, canaries)));
        }
    }
    let authority = Authority::new();
    let own = authority.vouch_for("gateway.example");
    canaries.learn("client key", own.key.lines().nth(1).expect("a line"));
    let secrets = |values: Value| json!({"inline": {"values": values}});
    all.push(json!({"name": planted, "type": "custom", "baseUrl": upstream.base_url, "labels": {"planted": planted},
        "credential": secrets(json!({"apikey": canaries.make("apikey of the planted provider")}))}));
    all.push(json!({"name": "proxied", "type": "custom", "baseUrl": "http://upstream.invalid/v1",
        "connection": {"proxyUrl": root, "credential": secrets(json!({
            "proxy_username": canaries.make("proxy_username"), "proxy_password": canaries.make("proxy_password")}))}}));
    all.push(json!({"name": "tunnelled", "type": "custom", "baseUrl": "https://upstream.invalid/v1",
        "connection": {"proxyUrl": root, "credential": secrets(json!({
            "proxy_username": canaries.make("proxy_username"), "proxy_password": canaries.make("proxy_password")}))}}));
    let encrypted = upstream::start_tls(canaries, authority.server(Some(&authority))).await;
    for (name, trusted) in [("encrypted", authority.pem()), ("distrusted", String::new())] {
        all.push(json!({"name": name, "type": "custom", "baseUrl": encrypted.base_url,
            "connection": {"caBundlePem": trusted, "clientCertificatePem": own.certificate,
                "credential": secrets(json!({"client_key_pem": own.key}))}}));
    }
    for provider in all {
        let name = provider["name"].as_str().expect("a name").to_owned();
        caller.must("/sluicegate/v1/providers", json!({"provider": provider})).await;
        for mode in MODES {
            let model = json!({"provider": name, "upstreamId": mode, "alias": format!("{name}-{mode}")});
            caller.must("/sluicegate/v1/models", json!({"model": model})).await;
        }
    }
}

/// The settings with which a credential of this kind is used, in every way that there is.
fn logins(auth: Auth, root: &str) -> impl Iterator<Item = Value> + use<> {
    let (good, bad) = (format!("{root}{GOOD_LOGIN}"), format!("{root}{BAD_LOGIN}"));
    let ways = match auth {
        Auth::IbmKey => vec![
            json!({"auth_url": good}),
            json!({"auth_url": bad}),
            json!({"auth_url": good, "auth_type": "cp4d", "username": "ann"}),
            json!({"auth_type": "zen", "username": "ann"}),
        ],
        Auth::IbmPassword => {
            vec![json!({"auth_url": good, "username": "ann"}), json!({"auth_url": bad, "username": "ann"})]
        }
        Auth::AwsSigV4(_) => vec![json!({"region": "us-east-1"})],
        Auth::None | Auth::Bearer | Auth::Header(_) | Auth::Token => vec![json!({})],
    };
    ways.into_iter()
}

fn provider(row: &ProviderType, auth: Auth, mut settings: Value, root: &str, canaries: &Canaries) -> Value {
    let kind = format!("{}-{}", row.name, auth.name());
    let secrets: BTreeMap<_, _> = auth
        .secrets()
        .iter()
        .map(|secret| (secret.name, canaries.make(&format!("{} of {kind}", secret.name))))
        .collect();
    for setting in row.settings.iter().filter(|setting| setting.required) {
        settings[setting.name] = "us-east-1".into();
    }
    // Names are told everywhere, and must not repeat.
    let name = format!("{kind}-{}", canaries.0.lock().expect("not poisoned").len());
    json!({"name": name, "type": row.name, "baseUrl": format!("{root}/v1"), "settings": settings,
        "credential": {"inline": {"values": secrets}}})
}

/// A seed file whose secrets are variables, and one that holds them itself.
fn seed_file(folder: &Path, canaries: &Canaries) -> std::path::PathBuf {
    let seed = folder.join("seed.yaml");
    let own = canaries.make("seed file itself");
    let text = format!(
        "- createProvider: {{provider: {{name: seeded, type: openai, credential: {{inline: {{values: {{apikey: \"${{SEEDED_KEY}}\"}}}}}}}}}}\n\
         - createProvider: {{provider: {{name: written, type: openai, credential: {{inline: {{values: {{apikey: {own}}}}}}}}}}}\n\
         - createApiKey: {{apiKey: {{name: seeded, role: ACCESS_ROLE_USER}}, secret: \"${{SEEDED_SECRET}}\"}}\n"
    );
    std::fs::write(&seed, text).expect("the seed file");
    seed
}

/// Every way to get a seed file wrong around a secret, told by `seed check` and by the gateway that reads it again.
async fn spoil(
    seed: &Path,
    canaries: &Canaries,
    gateway: &Gateway,
    sinks: &Sinks,
    variables: &[(&str, &str)],
) {
    let secret = canaries.make("broken seed file");
    let provider = |credential: &str| {
        format!("- createProvider: {{provider: {{name: x, type: openai, {credential}}}}}\n")
    };
    let key =
        |secret: &str| format!("- createApiKey: {{apiKey: {{name: k, role: ACCESS_ROLE_USER}}, {secret}}}\n");
    let spoiled = [
        provider(&format!("credential: {secret}")),
        provider(&format!("credential: {{inline: {secret}}}")),
        provider(&format!("credential: {{inline: {{values: {secret}}}}}")),
        provider(&format!("credential: {{inline: {{values: {{apikey: [{secret}]}}}}}}")),
        provider(&format!("credential: {{inline: {{values: {{apikey: {{{secret}: 1}}}}}}}}")),
        provider(&format!("credential: {{inline: {{values: {{wrong: {secret}}}}}}}")),
        provider(&format!("credential: {{inline: {{apikey: {secret}}}}}")),
        provider(&format!("credential: {{apikey: {secret}}}")),
        provider(&format!("credential: {{inline: {{values: {{apikey: \"{secret}}}}}}}")),
        provider(&format!("credential: {{inline: {{values: {{apikey: {secret}")),
        provider("credential: {inline: {values: {apikey: \"${SEEDED_KEY\"}}}"),
        provider("credential: {inline: {values: {apikey: [\"${SEEDED_KEY}\"]}}}"),
        provider("credential: \"${SEEDED_KEY}\""),
        key(&format!("secret: [{secret}]")),
        key(&format!("secret: \"{secret} {secret}\"")),
        key(&format!("secret: \"{}\"", secret.repeat(10))),
        key(&format!("secret: |\n    {secret}\n    {secret}")),
        format!("- createApiKey: {secret}\n"),
        format!("{secret}\n"),
        format!("- {secret}\n"),
        format!("a: &a {secret}\nb: *{}\n", &secret[..8]),
        format!("\"{secret}\n"),
    ];
    let good = std::fs::read_to_string(seed).expect("the seed file");
    let copy = seed.with_file_name("spoiled.yaml");
    for text in spoiled {
        std::fs::write(&copy, &text).expect("the copy");
        let told = output(program().envs(variables.iter().copied()).args(["seed", "check"]).arg(&copy));
        assert!(!told.is_empty(), "it is wrong: {text}");
        sinks.add("commands", &told);
        std::fs::write(seed, &text).expect("the seed file");
        gateway.signal("-HUP");
    }
    std::fs::write(seed, good).expect("the seed file");
}

/// What the command line shows, files that it writes included.
fn run_commands(folder: &Path, url: &str, sinks: &Sinks, variables: &[(&str, &str)]) {
    let run = |arguments: &[&str]| {
        let mut command = program();
        command.envs(variables.iter().copied()).env("SLUICEGATE_SERVER", url).args(arguments);
        output(&mut command)
    };
    for form in ["yaml", "json"] {
        sinks.add("exports", &run(&["export", "--format", form]));
    }
    for noun in ["provider", "model", "api-key", "policy", "rate-limit", "secret-manager", "issuer"] {
        for form in ["json", "yaml", "table"] {
            sinks.add("commands", &run(&[noun, "list", "-o", form]));
        }
    }
    for arguments in
        [&["provider", "get", "seeded", "-o", "json"][..], &["api-key", "get", "seeded"], &["--help"]]
    {
        sinks.add("commands", &run(arguments));
    }
    sinks.add("commands", &run(&["serve", "--help"]));
    let copy = folder.join("copy.db");
    let (copy_name, data) = (copy.to_str().expect("a path"), folder.join("data"));
    sinks.add("commands", &run(&["backup", copy_name, "--data-dir", data.to_str().expect("a path")]));
    sinks.add("backups", &std::fs::read(copy).expect("a backup"));
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("the program runs");
    [output.stdout, output.stderr].concat()
}

/// All that lies in the data directory, as it lies there.
fn look_at_files(data: &Path, sinks: &Sinks) {
    for file in std::fs::read_dir(data).expect("the data folder") {
        let path = file.expect("a file").path();
        if path.is_file() {
            sinks.add("files", &std::fs::read(path).expect("its bytes"));
        }
    }
}
