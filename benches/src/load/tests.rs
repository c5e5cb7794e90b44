//! The load against the upstream and the floor, in this process.

use tokio::{net::TcpListener, task::JoinSet};

use super::*;
use crate::{floor, upstream};

/// Upstream and floor; both end with the test.
struct Servers {
    upstream: SocketAddr,
    floor: SocketAddr,
    _tasks: JoinSet<Result<()>>,
}

async fn start() -> Servers {
    let mut tasks = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap();
    tasks.spawn(upstream::serve(listener));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let floor = listener.local_addr().unwrap();
    tasks.spawn(floor::serve(listener, upstream));
    Servers { upstream, floor, _tasks: tasks }
}

fn job(address: SocketAddr, work: Work) -> Job {
    let id = std::process::id();
    Job {
        server: Server { address, protocol: Protocol::Rest, key: "key".into(), served: id, upstream: id },
        cores: Cores::choose().unwrap(),
        work,
        warm: Duration::from_millis(20),
        window: Duration::from_millis(150),
    }
}

#[tokio::test]
async fn every_answer_comes_through_the_floor_as_it_was_given() {
    let servers = start().await;
    for ask in [Ask::Chat(1000), Ask::Chat(100_000), Ask::Embed] {
        for address in [servers.upstream, servers.floor] {
            let work = Work::Unary { ask, callers: 4, rate: Some(200) };
            let outcome = run(&job(address, work)).await.unwrap();
            assert_eq!(outcome.failure, None, "{ask:?}");
            assert!(outcome.done > 0 && outcome.latency.count as u64 == outcome.done);
            assert!(!outcome.used.served.is_zero());
        }
    }
}

#[tokio::test]
async fn every_chunk_of_every_stream_is_counted_and_timed() {
    let servers = start().await;
    let stream = Stream { ticks: 40, gap_ms: 10, per_tick: 3 };
    for address in [servers.upstream, servers.floor] {
        let work = Work::Streams { stream, count: 8, opens: 200, whole: true };
        let outcome = run(&job(address, work)).await.unwrap();
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.first_chunk.count, 8);
        assert!(outcome.done > 0 && outcome.transit.count as u64 == outcome.done);
        assert!(outcome.transit.p50 > 0);
    }
}

#[tokio::test]
async fn streams_that_end_while_they_are_measured_are_told() {
    let servers = start().await;
    let stream = Stream { ticks: 3, gap_ms: 30, per_tick: 1 };
    let work = Work::Streams { stream, count: 2, opens: 200, whole: true };
    let outcome = run(&job(servers.upstream, work)).await.unwrap();
    assert!(outcome.failure.unwrap().contains("ended while"));
}

#[tokio::test]
async fn streams_stay_open_while_their_memory_is_read() {
    let servers = start().await;
    let stream = Stream { ticks: 100, gap_ms: 100, per_tick: 1 };
    let outcome = run(&job(servers.floor, Work::Held { stream, counts: [2, 5], opens: 200 })).await.unwrap();
    assert_eq!((outcome.failure, outcome.resident.len()), (None, 3));
}

#[tokio::test]
async fn an_answer_that_is_not_the_upstreams_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut socket = crate::http1::Socket::new(stream)?;
        while socket.request().await?.is_some() {
            socket.write(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"choices\":[]}").await?;
        }
        Ok::<_, crate::Problem>(())
    });
    let work = Work::Unary { ask: Ask::Chat(1000), callers: 1, rate: None };
    let outcome = run(&job(address, work)).await.unwrap();
    assert!(outcome.failure.unwrap().contains("not the answer"));
}
