use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;
use crate::error::Reason;

const LIFE: Duration = Duration::from_secs(3600);

/// Fetches 1, 2, 3 ... and counts; waits at the gate where there is one.
#[derive(Clone, Default)]
struct Source {
    fetched: Arc<AtomicUsize>,
    gate: Option<Arc<Notify>>,
    fails: bool,
}

impl Source {
    fn fetch(&self) -> Result<impl Future<Output = Result<Fresh<usize>>> + Send + 'static + use<>> {
        let Self { fetched, gate, fails } = self.clone();
        Ok(async move {
            let value = fetched.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(gate) = gate {
                gate.notified().await;
            }
            if fails {
                return Err(Error::new(Reason::ProviderUnavailable, format!("failure {value}")));
            }
            Ok(Fresh { value, life: LIFE })
        })
    }

    fn count(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

struct Fixture {
    renewed: Arc<Renewed<usize>>,
    tasks: Tasks,
}

impl Fixture {
    fn new() -> Self {
        Self { renewed: Arc::default(), tasks: Tasks::default() }
    }

    async fn get(&self, source: &Source) -> Result<usize> {
        self.renewed.get(&self.tasks, || source.fetch()).await.map(|kept| kept.value)
    }

    /// Lets what runs in the background come to its end.
    async fn settled(&self) {
        while self.renewed.fetching().flight.is_some() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_want_it_cause_one_fetch() {
    let (fixture, gate) = (Fixture::new(), Arc::new(Notify::new()));
    let source = Source { gate: Some(Arc::clone(&gate)), ..Source::default() };
    let all = futures_util::future::join_all((0..200).map(|_| fixture.get(&source)));
    let open = async {
        while source.count() == 0 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
    };
    let (values, ()) = tokio::join!(all, open);
    assert!(values.iter().all(|value| matches!(value, Ok(1))));
    assert_eq!(source.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_before_its_end_and_nobody_waits_for_that() {
    let (fixture, source) = (Fixture::new(), Source::default());
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    tokio::time::advance(LIFE.mul_f64(0.79)).await;
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    fixture.settled().await;
    assert_eq!(source.count(), 1);
    tokio::time::advance(LIFE.mul_f64(0.02)).await;
    let shut = Source { gate: Some(Arc::new(Notify::new())), ..source.clone() };
    for _ in 0..3 {
        assert_eq!(
            fixture.get(&shut).await.unwrap(),
            1,
            "the old one is given while the new one is on its way"
        );
    }
    tokio::task::yield_now().await;
    assert_eq!(source.count(), 2, "the first of them began to renew it");
    shut.gate.unwrap().notify_one();
    fixture.settled().await;
    assert_eq!(fixture.get(&source).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_who_began_it_leaves() {
    let (fixture, gate) = (Fixture::new(), Arc::new(Notify::new()));
    let source = Source { gate: Some(Arc::clone(&gate)), ..Source::default() };
    let left = tokio::time::timeout(Duration::from_secs(1), fixture.get(&source)).await;
    assert!(left.is_err());
    gate.notify_one();
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_leaves_what_still_holds() {
    let (fixture, source) = (Fixture::new(), Source::default());
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    let down = Source { fails: true, ..Source::default() };
    tokio::time::advance(LIFE.mul_f64(0.9)).await;
    for _ in 0..50 {
        assert_eq!(fixture.get(&down).await.unwrap(), 1);
        fixture.settled().await;
    }
    assert_eq!(down.count(), 1, "failures are followed by a pause");
    tokio::time::advance(FIRST_PAUSE).await;
    assert_eq!(fixture.get(&down).await.unwrap(), 1);
    fixture.settled().await;
    assert_eq!(down.count(), 2, "and then tried again");
    tokio::time::advance(LIFE).await;
    let error = fixture.get(&down).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ProviderUnavailable);
    tokio::time::advance(LONGEST_PAUSE).await;
    assert_eq!(fixture.get(&source).await.unwrap(), 2, "a failure is not kept");
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_is_replaced_once() {
    let (fixture, source) = (Fixture::new(), Source::default());
    let get = || fixture.renewed.get(&fixture.tasks, || source.fetch());
    let first = get().await.unwrap();
    assert!(fixture.renewed.refuse(&first));
    assert!(fixture.renewed.refuse(&first), "whoever else used it gets the new one too");
    let second = get().await.unwrap();
    assert_eq!((second.value, source.count()), (2, 2));
    assert!(fixture.renewed.refuse(&first), "it was replaced already");
    assert_eq!(get().await.unwrap().value, 2);
    assert!(!fixture.renewed.refuse(&second), "another one would not help either");
    assert_eq!(get().await.unwrap().value, 2);
    let known: Vec<_> = fixture.renewed.known().map(|kept| kept.value).collect();
    assert_eq!(known, [2, 1]);
    tokio::time::advance(REFUSAL_PAUSE).await;
    assert!(fixture.renewed.refuse(&second));
    assert_eq!(get().await.unwrap().value, 3);
}
