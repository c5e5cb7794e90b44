use std::{sync::Arc, time::Duration};

use super::{RENEWAL_CHECK, Tls, pair::Pair, self_signed::SelfSigned};
use crate::{clock::Clock, config::TlsSettings, task::Tasks};

const START: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

fn certificate(pair: &Pair) -> Vec<u8> {
    pair.load().unwrap();
    std::fs::read(&pair.cert).unwrap()
}

#[test]
fn a_pair_of_our_own_is_kept_until_it_ends_soon() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::test(START);
    let made = SelfSigned::new(folder.path(), [], clock.clone());
    made.renew().unwrap();
    let first = certificate(made.pair());
    clock.advance(334 * DAY);
    made.renew().unwrap();
    assert_eq!(certificate(made.pair()), first);
    clock.advance(2 * DAY);
    made.renew().unwrap();
    assert_ne!(certificate(made.pair()), first);
}

#[test]
fn a_pair_that_is_broken_or_for_another_address_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let of = |address: &str| SelfSigned::new(folder.path(), [address.parse().unwrap()], Clock::test(START));
    let made = of("0.0.0.0");
    made.renew().unwrap();
    let first = certificate(made.pair());
    of("127.0.0.1").renew().unwrap();
    assert_eq!(certificate(made.pair()), first, "loopback is always in it");
    of("192.0.2.7").renew().unwrap();
    let second = certificate(made.pair());
    assert_ne!(second, first);
    made.renew().unwrap();
    assert_eq!(certificate(made.pair()), second, "it stands for more than is asked");

    for broken in [&made.pair().cert, &made.pair().key] {
        let before = certificate(made.pair());
        std::fs::write(broken, "nonsense").unwrap();
        made.renew().unwrap();
        assert_ne!(certificate(made.pair()), before);
    }
}

#[test]
fn nobody_else_may_read_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let made = SelfSigned::new(folder.path(), [], Clock::test(START));
    made.renew().unwrap();
    assert!(!crate::private_file::open_to_others(&made.pair().key).unwrap());
}

#[test]
fn what_is_wrong_with_a_pair_is_told_by_the_flag_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let made = |folder| {
        let made = SelfSigned::new(folder, [], Clock::test(START));
        made.renew().unwrap();
        made.pair().clone()
    };
    let (one, two) = (made(&one), made(&two));
    let missing = folder.path().join("missing");
    for (cert, key, field, says) in [
        (&one.cert, &two.key, "tls-key", "is not the key of the certificate"),
        (&one.key, &one.key, "tls-cert", "holds no certificate"),
        (&one.cert, &one.cert, "tls-key", "holds no private key"),
        (&missing, &one.key, "tls-cert", "cannot be read"),
        (&one.cert, &missing, "tls-key", "cannot be read"),
    ] {
        let error = Pair { cert: cert.clone(), key: key.clone() }.load().unwrap_err();
        assert_eq!(error.detail().field.as_deref(), Some(field), "{error}");
        assert!(error.message().contains(says), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_of_our_own_is_renewed_while_the_gateway_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, tasks) = (Clock::test(START), Tasks::default());
    let settings = TlsSettings { tls_self_signed: true, ..Default::default() };
    let tls = Tls::start(&settings, folder.path(), [], clock.clone(), &tasks).await.unwrap().unwrap();
    let first = tls.0.load_full();
    // Until it is looked at, and until the new files have been seen twice.
    let noticed = RENEWAL_CHECK + Duration::from_secs(5);
    tokio::time::sleep(noticed).await;
    assert!(Arc::ptr_eq(&first, &tls.0.load_full()), "nothing is new");
    clock.advance(340 * DAY);
    tokio::time::sleep(noticed).await;
    assert!(!Arc::ptr_eq(&first, &tls.0.load_full()));
    tasks.drain().await;
}
