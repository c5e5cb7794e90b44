//! The program itself over TLS: what it says, its signals, and its health check.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use super::{Files, certificate, shown};
use crate::{
    program::{Gateway, program, run},
    support::{CERTIFICATE, config},
};

#[tokio::test]
async fn a_wrong_pair_is_told_and_the_old_one_stays() {
    let (files, data) = (Files::new(), tempfile::tempdir().unwrap());
    let first = certificate_in(&files);
    let [cert, key] = files.flags();
    let (gateway, log) = Gateway::start_heard(data.path(), &[&cert, &key], &[]);
    assert!(gateway.url.starts_with("https://"), "{}", gateway.url);
    assert_eq!(shown(&gateway.url, &files.authority).await, first);

    let next = files.next();
    let key_file = files.folder.path().join("key.pem");
    for (content, told) in [
        (Some("nonsense"), "holds no private key"),
        (Some(&*next.key), "is not the key of the certificate"),
        (None, "cannot be read"),
    ] {
        match content {
            Some(content) => fs::write(&key_file, content).unwrap(),
            None => fs::remove_file(&key_file).unwrap(),
        }
        gateway.signal("-HUP");
        log.tells(told);
        assert_eq!(shown(&gateway.url, &files.authority).await, first, "{told}");
    }
    files.put(&next);
    gateway.signal("-HUP");
    log.tells("new connections get it");
    assert_eq!(shown(&gateway.url, &files.authority).await, certificate(&next));
}

fn certificate_in(files: &Files) -> tokio_rustls::rustls::pki_types::CertificateDer<'static> {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    let pem = fs::read(files.folder.path().join("cert.pem")).unwrap();
    tokio_rustls::rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap()
}

#[test]
fn the_signal_to_reload_needs_no_change() {
    let data = tempfile::tempdir().unwrap();
    let (gateway, log) = Gateway::start_heard(data.path(), &["--tls-self-signed"], &[]);
    for _ in 0..2 {
        gateway.signal("-HUP");
        log.tells("new connections get it");
    }
}

#[test]
fn the_health_check_works_over_tls() {
    let data = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(data.path(), &["--tls-self-signed"]);
    let listen = gateway.url.trim_start_matches("https://").to_owned();
    let other = tempfile::NamedTempFile::new().unwrap();
    fs::write(other.path(), crate::authority::Authority::new().pem()).unwrap();
    let made = data.path().join(CERTIFICATE);
    let (made, other) = (made.to_str().unwrap(), other.path().to_str().unwrap());
    for (arguments, environment, healthy) in [
        (&["--tls"][..], None, true),
        (&[], Some(("SLUICEGATE_TLS_SELF_SIGNED", "true")), true),
        (&[], Some(("SLUICEGATE_TLS_CERT", made)), true),
        (&["--ca-cert", made], None, true),
        (&["--ca-cert", other], None, false),
        (&["--ca-cert", "missing.pem"], None, false),
        (&[], None, false),
    ] {
        let mut command = program();
        command.args(["health", "--listen", &listen]).args(arguments).envs(environment);
        let (done, told) = run(&mut command);
        assert_eq!((done, told.contains("is ready")), (healthy, healthy), "{arguments:?}: {told}");
    }
}

#[test]
fn both_addresses_are_told() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["serve", "--tls-self-signed", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    command.arg("--data-dir").arg(data.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let told: Vec<_> =
        BufReader::new(process.stdout.take().unwrap()).lines().take(2).collect::<Result<_, _>>().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(told[0].starts_with("listening on https://127.0.0.1:"), "{told:?}");
    assert!(told[1].starts_with("administration on https://127.0.0.1:"), "{told:?}");
}

#[tokio::test]
async fn half_a_pair_or_both_ways_are_refused_by_the_flag() {
    let files = Files::new();
    let [cert, key] = files.flags();
    for (flags, field) in [
        (&[&*cert][..], "tls-key"),
        (&[&*key], "tls-cert"),
        (&[&*cert, &*key, "--tls-self-signed"], "tls-self-signed"),
        (&[&*cert, "--tls-self-signed"], "tls-key"),
        (&["--tls-cert=missing.pem", &*key], "tls-cert"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let Err(problems) = sluicegate::app::App::start(config(data.path(), flags)).await else {
            panic!("{flags:?} starts")
        };
        assert_eq!(problems[0].detail().field.as_deref(), Some(field), "{problems:?}");
    }
}
