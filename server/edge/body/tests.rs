use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use futures_util::stream;

use super::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn headers(encoding: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_ENCODING, http::HeaderValue::from_static(encoding))])
}

fn pieces(count: usize, each: usize) -> Body {
    Body::from_stream(stream::iter((0..count).map(move |_| Ok::<_, Error>(Bytes::from(vec![b' '; each])))))
}

#[tokio::test]
async fn body_of_the_limit_is_read_and_one_byte_more_is_refused() {
    let full = Body::new(Inbound::of_rest(pieces(32, 1 << 20), &Leftover::default()));
    assert_eq!(read(&HeaderMap::new(), full).await.unwrap().len(), MAX_BODY_BYTES);
    let over = Body::new(Inbound::of_rest(pieces(33, 1 << 20), &Leftover::default()));
    let error = read(&HeaderMap::new(), over).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestTooLarge);
}

#[tokio::test]
async fn smaller_limit_is_kept_whatever_the_length_that_is_announced() {
    let within = async |body| read_within(1 << 10, &HeaderMap::new(), body).await;
    assert_eq!(within(pieces(4, 256)).await.unwrap().len(), 1 << 10);
    let error = within(pieces(5, 256)).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.message()),
        (Reason::RequestTooLarge, "the request body is larger than 1 KiB; send less")
    );
    let bomb = Body::from(gzip(&[b' '; 2 << 10]));
    let error = read_within(1 << 10, &headers("gzip"), bomb).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestTooLarge);
}

#[tokio::test]
async fn announced_length_is_refused_before_reading() {
    let length = (MAX_BODY_BYTES + 1).to_string().parse().unwrap();
    let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, length)]);
    let never = Body::from_stream(stream::pending::<Result<Bytes, Error>>());
    assert_eq!(read(&headers, never).await.unwrap_err().reason(), Reason::RequestTooLarge);
}

#[tokio::test]
async fn gzip_is_read_and_a_bomb_is_refused() {
    let plain = read(&headers("gzip"), Body::from(gzip(b"{\"a\":1}"))).await.unwrap();
    assert_eq!(plain, "{\"a\":1}");
    let bomb = gzip(&vec![0; MAX_BODY_BYTES + 1]);
    assert!(bomb.len() < 1 << 20);
    let error = read(&headers("gzip"), Body::from(bomb)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestTooLarge);
    let error = read(&headers("gzip"), Body::from("plain")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidRequest);
    let error = read(&headers("br"), Body::empty()).await.unwrap_err();
    assert_eq!(error.detail().field.as_deref(), Some("content-encoding"));
}

#[tokio::test(start_paused = true)]
async fn silent_body_times_out() {
    let begun = Instant::now();
    let silent = Body::from_stream(stream::pending::<Result<Bytes, Error>>());
    let error =
        read(&HeaderMap::new(), Body::new(Inbound::of_rest(silent, &Leftover::default()))).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestTimeout);
    assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn trickling_body_times_out_in_the_end() {
    let begun = Instant::now();
    let trickle = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Some((Ok::<_, Error>(Bytes::from_static(b" ")), ()))
    });
    let body = Body::new(Inbound::of_rest(Body::from_stream(trickle), &Leftover::default()));
    let error = read(&HeaderMap::new(), body).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestTimeout);
    assert!(begun.elapsed() <= TOTAL + Duration::from_secs(1));
}
