use std::sync::atomic::AtomicUsize;

use super::*;

/// How often the variable was looked up.
static LOOKED_UP: AtomicUsize = AtomicUsize::new(0);

fn lookup(name: &str) -> Option<String> {
    if name == "COUNTED" {
        LOOKED_UP.fetch_add(1, Ordering::SeqCst);
    }
    Some(format!("sk-{name}"))
}

struct Fixture {
    folder: tempfile::TempDir,
    local: LocalSecrets,
    tasks: Tasks,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalSecrets::new(vec!["*".into()], lookup, Some(folder.path().to_owned()));
        Self { folder, local, tasks: Tasks::default() }
    }

    fn put(&self, text: &str) {
        std::fs::write(self.folder.path().join("key"), text).unwrap();
    }

    fn new_reference(&self, resource: &str, names: &[(&str, &str)]) -> Referenced {
        let names = names.iter().map(|(name, member)| ((*name).to_owned(), (*member).to_owned())).collect();
        let reference = SecretReference { resource: resource.into(), names, ..SecretReference::default() };
        let place = Ok(Place::Local(self.local.clone()));
        Referenced::new(&reference, vec![vec![("apikey", true)]], place, SecretReads::default())
    }

    fn reference(&self, resource: &str) -> Arc<Referenced> {
        Arc::new(self.new_reference(resource, &[]))
    }
}

fn key(kept: &Kept<Reading>) -> &str {
    kept.value.credential.get("apikey").unwrap().expose()
}

#[tokio::test(start_paused = true)]
async fn many_calls_cause_one_read() {
    let fixture = Fixture::new();
    let referenced = fixture.reference("env:COUNTED");
    let calls = futures_util::future::join_all((0..200).map(|_| referenced.get(&fixture.tasks)));
    assert!(calls.await.iter().all(|kept| key(kept.as_ref().unwrap()) == "sk-COUNTED"));
    assert_eq!(LOOKED_UP.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_read_anew_and_its_tokens_are_its_own() {
    let fixture = Fixture::new();
    fixture.put("sk-1");
    let referenced = fixture.reference("file:key");
    let first = referenced.get(&fixture.tasks).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let same = referenced.get(&fixture.tasks).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &same) && Arc::ptr_eq(&first.value.token, &same.value.token));
    fixture.put("sk-2");
    assert_eq!(key(&referenced.get(&fixture.tasks).await.unwrap()), "sk-1", "for a second at most");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let second = referenced.get(&fixture.tasks).await.unwrap();
    assert_eq!(key(&second), "sk-2");
    assert!(!Arc::ptr_eq(&first.value.token, &second.value.token));
    let known: Vec<_> = referenced.known().map(|kept| key(&kept).to_owned()).collect();
    assert_eq!(known, ["sk-2", "sk-1"]);
    std::fs::remove_file(fixture.folder.path().join("key")).unwrap();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let error = referenced.get(&fixture.tasks).await.map(drop).unwrap_err();
    assert_eq!(error.reason(), Reason::SecretNotReadable);
}

#[tokio::test(start_paused = true)]
async fn a_refused_secret_is_read_anew_and_given_only_where_it_changed() {
    let fixture = Fixture::new();
    fixture.put("sk-1");
    let referenced = fixture.reference("file:key");
    let first = referenced.get(&fixture.tasks).await.unwrap();
    fixture.put("sk-2");
    let second = referenced.get_other(&first, &fixture.tasks).await.unwrap().unwrap();
    assert_eq!(key(&second), "sk-2");
    let again = referenced.get_other(&first, &fixture.tasks).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&again, &second), "whoever else used the first gets the second too");
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let second = referenced.get(&fixture.tasks).await.unwrap();
    assert!(referenced.get_other(&second, &fixture.tasks).await.unwrap().is_none(), "it is the same still");
}

#[tokio::test(start_paused = true)]
async fn a_new_snapshot_goes_on_with_what_was_read_where_the_same_is_referred_to() {
    let fixture = Fixture::new();
    fixture.put(r#"{"apikey": "sk-1", "other": "sk-2"}"#);
    let before = fixture.reference("file:key");
    let first = before.get(&fixture.tasks).await.unwrap();
    let next = async |resource: &str, names: &[(&str, &str)], same_login| {
        let next = Arc::new(fixture.new_reference(resource, names).following(&before, same_login));
        next.get(&fixture.tasks).await.unwrap()
    };
    assert!(Arc::ptr_eq(&first, &next("file:key", &[], true).await));
    let moved = next("file:key", &[], false).await;
    assert_eq!(key(&moved), "sk-1");
    assert!(!Arc::ptr_eq(&first.value.token, &moved.value.token), "the token came from another place");
    let other_member = next("file:key", &[("apikey", "other")], true).await;
    let elsewhere = next("env:X", &[], true).await;
    assert_eq!((key(&other_member), key(&elsewhere)), ("sk-2", "sk-X"));
}

#[tokio::test]
async fn what_may_not_be_referred_to_is_told_to_every_call() {
    let fixture = Fixture::new();
    let reference = SecretReference { resource: "vault:x".into(), ..SecretReference::default() };
    let place = Err(Error::new(Reason::SecretNotAllowed, "no rule admits it"));
    let referenced = Arc::new(Referenced::new(&reference, Vec::new(), place, SecretReads::default()));
    for _ in 0..2 {
        let error = referenced.get(&fixture.tasks).await.map(drop).unwrap_err();
        assert_eq!((error.reason(), error.message()), (Reason::SecretNotAllowed, "no rule admits it"));
    }
    assert!(referenced.known().next().is_none() && referenced.known_of_manager().is_empty());
}
