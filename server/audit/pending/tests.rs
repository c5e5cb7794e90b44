use std::{sync::Arc, time::UNIX_EPOCH};

use super::*;
use crate::state::{Caller, Protocol};

fn refusal(source: u32, caller: Option<&str>, action: &str) -> Refusal {
    let caller = caller.map(|id| Arc::new(Caller { id: id.into(), ..Caller::default() }));
    Refusal {
        time: UNIX_EPOCH + Duration::from_secs(u64::from(source)),
        action: action.into(),
        caller,
        source: IpAddr::V4(source.into()),
        request_id: "req-1".into(),
        protocol: Protocol::Rest,
        reason: Reason::Unauthenticated,
        message: "no".into(),
    }
}

fn counts(pending: &Pending) -> Vec<(String, i64)> {
    pending.events(0, UNIX_EPOCH).into_iter().map(|event| (event.action, event.count)).collect()
}

#[tokio::test(start_paused = true)]
async fn equal_calls_are_one_event_and_others_are_not() {
    let mut pending = Pending::new();
    for _ in 0..500 {
        pending.add(refusal(1, None, "Chat"));
    }
    pending.add(refusal(2, None, "Chat"));
    pending.add(refusal(2, Some("key"), "Chat"));
    pending.add(refusal(3, None, "Embed"));
    let told = counts(&pending);
    assert_eq!(told.len(), 4);
    assert_eq!(told[0], ("Chat".into(), 500));
    assert_eq!(told.iter().map(|(_, count)| count).sum::<i64>(), 503);
    pending.clear();
    assert!(pending.is_empty() && counts(&pending).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_flood_from_everywhere_makes_few_events_and_hides_no_known_caller() {
    let mut pending = Pending::new();
    let (mut written, mut calls) = (0, 0);
    // Ten minutes, ten addresses a millisecond.
    for second in 0..600 {
        for address in 0..10_000 {
            pending.add(refusal(second * 10_000 + address, None, "Chat"));
        }
        pending.add(refusal(1, Some("insider"), "CreateProvider"));
        let told = counts(&pending);
        assert!(told.contains(&("CreateProvider".into(), 1)), "in second {second}");
        written += told.len();
        calls += told.iter().map(|(_, count)| count).sum::<i64>();
        pending.clear();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // The insider, one unknown caller and one of the rest a second, and those that may come at once.
    assert!(written <= 3 * 600 + 100, "{written}");
    assert_eq!(calls, 600 * 10_001, "all are counted");
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_is_told() {
    let events = Pending::new().events(7, UNIX_EPOCH);
    assert_eq!((events.len(), &*events[0].action, events[0].count), (1, "Lost", 7));
}
