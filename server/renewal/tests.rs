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
    refuses: bool,
    stale: Duration,
}

impl Source {
    fn fetch(&self) -> Result<impl Future<Output = Result<Fresh<usize>>> + Send + 'static + use<>> {
        let Self { fetched, gate, fails, refuses, stale } = self.clone();
        Ok(async move {
            let value = fetched.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(gate) = gate {
                gate.notified().await;
            }
            if fails {
                return Err(Error::new(Reason::ProviderUnavailable, format!("failure {value}")));
            }
            if refuses {
                return Err(Error::new(Reason::SecretNotReadable, "no"));
            }
            Ok(Fresh { value, life: LIFE, stale })
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

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_given_while_there_is_an_outage_and_no_longer_than_it_may() {
    let fixture = Fixture::new();
    let stale = Duration::from_secs(600);
    let source = Source { stale, ..Source::default() };
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    let away = Source { fails: true, ..source.clone() };
    tokio::time::advance(LIFE).await;
    let kept = fixture.renewed.get(&fixture.tasks, || away.fetch()).await.unwrap();
    assert!(kept.is_stale());
    assert_eq!(fixture.get(&away).await.unwrap(), 1, "also while no fetch follows the failed one");
    tokio::time::advance(stale).await;
    assert_eq!(fixture.get(&away).await.unwrap_err().reason(), Reason::ProviderUnavailable);
    tokio::time::advance(LONGEST_PAUSE).await;
    assert!(fixture.get(&source).await.unwrap() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_given_when_the_fetch_takes_long() {
    let fixture = Fixture::new();
    let source = Source { stale: LIFE, ..Source::default() };
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    tokio::time::advance(LIFE).await;
    let hanging = Source { gate: Some(Arc::default()), ..source };
    let start = Instant::now();
    assert_eq!(fixture.get(&hanging).await.unwrap(), 1);
    assert_eq!(start.elapsed(), STALE_PATIENCE);
    assert_eq!(fixture.get(&hanging).await.unwrap(), 1);
    assert_eq!(start.elapsed(), STALE_PATIENCE, "who comes later does not wait for the same fetch again");
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_one_fetch_is_waited_for_and_no_further_one() {
    let fixture = Fixture::new();
    let source = Source { stale: LIFE, ..Source::default() };
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    tokio::time::advance(LIFE).await;
    let away = Source { fails: true, ..source.clone() };
    assert_eq!(fixture.get(&away).await.unwrap(), 1);
    tokio::time::advance(LONGEST_PAUSE).await;
    let hanging = Source { gate: Some(Arc::default()), ..source };
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(fixture.get(&hanging).await.unwrap(), 1);
    }
    tokio::task::yield_now().await;
    assert_eq!((start.elapsed(), hanging.count()), (Duration::ZERO, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_outage() {
    let fixture = Fixture::new();
    let source = Source { stale: LIFE, ..Source::default() };
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    tokio::time::advance(LIFE).await;
    let refusing = Source { refuses: true, ..source.clone() };
    assert_eq!(fixture.get(&refusing).await.unwrap_err().reason(), Reason::SecretNotReadable);
    tokio::time::advance(LONGEST_PAUSE).await;
    let away = Source { fails: true, ..source };
    assert!(fixture.get(&away).await.is_err(), "what was withdrawn does not come back with an outage");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_was_refused_is_better_than_none_while_there_is_an_outage() {
    let fixture = Fixture::new();
    let source = Source { stale: LIFE, ..Source::default() };
    let kept = fixture.renewed.get(&fixture.tasks, || source.fetch()).await.unwrap();
    assert!(fixture.renewed.refuse(&kept));
    let away = Source { fails: true, ..source.clone() };
    assert_eq!(fixture.get(&away).await.unwrap(), 1);
    tokio::time::advance(LONGEST_PAUSE).await;
    assert!(fixture.get(&source).await.unwrap() > 1);
}

#[tokio::test(start_paused = true)]
async fn another_form_of_what_is_kept_ends_when_it_does() {
    let fixture = Fixture::new();
    let source = Source { stale: LIFE, ..Source::default() };
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    let other = Fixture { renewed: Arc::new(fixture.renewed.mapped(|value| value + 10)), ..fixture };
    let away = Source { fails: true, ..source.clone() };
    tokio::time::advance(LIFE.mul_f64(0.7)).await;
    assert_eq!((other.get(&away).await.unwrap(), away.count()), (11, 1));
    tokio::time::advance(LIFE).await;
    assert_eq!(other.get(&away).await.unwrap(), 11, "it is stale, as the other is");
    tokio::time::advance(LIFE).await;
    assert!(other.get(&away).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_at_hand_fetches_nothing_and_is_given_as_long_as_it_may_be_used() {
    let fixture = Fixture::new();
    assert!(fixture.renewed.at_hand().is_none());
    let stale = Duration::from_secs(600);
    let source = Source { stale, ..Source::default() };
    assert_eq!(fixture.get(&source).await.unwrap(), 1);
    let kept = fixture.renewed.at_hand().unwrap();
    assert!(fixture.renewed.refuse(&kept));
    assert!(Arc::ptr_eq(&kept, &fixture.renewed.at_hand().unwrap()));
    tokio::time::advance(LIFE + stale - Duration::from_secs(1)).await;
    assert!(fixture.renewed.at_hand().is_some());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(fixture.renewed.at_hand().is_none());
    assert_eq!(source.fetched.load(Ordering::SeqCst), 1);
}
