use super::*;
use crate::clock::Clock;

/// 2026-01-01.
const NOW: u64 = 1_767_225_600;

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn twenty_wrong_keys_cost_nothing_and_the_next_ones_ever_more() {
    let (throttle, clock) = (Throttle::new(), Clock::test(NOW));
    let source = throttle.source(at("192.0.2.1"));
    for _ in 0..20 {
        assert_eq!(throttle.wait(source, clock.now()), None);
        throttle.fail(source, clock.now());
    }
    assert_eq!(throttle.wait(source, clock.now()), None);
    let mut waits = Vec::new();
    for _ in 0..11 {
        throttle.fail(source, clock.now());
        waits.push(throttle.wait(source, clock.now()).unwrap().as_millis());
    }
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
}

#[test]
fn a_source_that_tries_as_soon_as_it_may_waits_as_long_as_there_is() {
    let (throttle, clock) = (Throttle::new(), Clock::test(NOW));
    let source = throttle.source(at("192.0.2.1"));
    let mut tries = 0;
    // An hour, second by second.
    for _ in 0..3600 {
        clock.advance(1);
        while throttle.wait(source, clock.now()).is_none() && tries < 1000 {
            throttle.fail(source, clock.now());
            tries += 1;
        }
    }
    // The free ones, those while the wait grows, and two a minute.
    assert!((140..=152).contains(&tries), "{tries}");
    assert!(throttle.wait(source, clock.now()) <= seconds(30));
}

#[test]
fn after_the_wait_a_key_is_looked_at_and_rest_makes_forget() {
    let (throttle, clock) = (Throttle::new(), Clock::test(NOW));
    let source = throttle.source(at("192.0.2.1"));
    for _ in 0..100 {
        throttle.fail(source, clock.now());
    }
    assert_eq!(throttle.wait(source, clock.now()), seconds(30));
    clock.advance(29);
    assert_eq!(throttle.wait(source, clock.now()), seconds(1));
    clock.advance(1);
    assert_eq!(throttle.wait(source, clock.now()), None);
    // Half of thirty is left after a minute of rest, and one comes to it.
    clock.advance(60);
    for _ in 0..5 {
        throttle.fail(source, clock.now());
        assert_eq!(throttle.wait(source, clock.now()), None);
    }
    throttle.fail(source, clock.now());
    assert!(throttle.wait(source, clock.now()).is_some());
}

#[test]
fn sources_are_addresses_and_networks_of_subscribers() {
    let (throttle, clock) = (Throttle::new(), Clock::test(NOW));
    let source = |text| throttle.source(at(text)).0;
    assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
    assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    assert_ne!(source("192.0.2.1"), Throttle::new().source(at("192.0.2.1")).0, "the seed is random");

    let guilty = throttle.source(at("192.0.2.1"));
    for _ in 0..30 {
        throttle.fail(guilty, clock.now());
    }
    let waiting = (0..=255).filter(|last| {
        let other = throttle.source(IpAddr::from([198, 51, 100, *last]));
        throttle.wait(other, clock.now()).is_some()
    });
    // One in 4096 shares the slot.
    assert!(waiting.count() < 5);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait() {
    let throttle = Throttle::new();
    let source = throttle.source(at("192.0.2.1"));
    for _ in 0..30 {
        throttle.fail(source, Clock::test(NOW + 3600).now());
    }
    let now = Clock::test(NOW).now();
    assert_eq!(throttle.wait(source, now), None);
    throttle.fail(source, now);
    assert_eq!(throttle.wait(source, now), seconds(30));
    // Times that do not fit do no harm.
    for strange in [UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(u64::MAX >> 20)] {
        throttle.fail(source, strange);
        let _ = throttle.wait(source, strange);
    }
}

#[test]
fn wrong_keys_on_many_threads_are_all_counted() {
    let (throttle, now) = (Throttle::new(), Clock::test(NOW).now());
    let source = throttle.source(at("192.0.2.1"));
    std::thread::scope(|scope| {
        for _ in 0..21 {
            scope.spawn(|| throttle.fail(source, now));
        }
    });
    assert_eq!(throttle.wait(source, now), Some(Duration::from_millis(100)));
}
