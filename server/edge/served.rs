//! What served a call, as headers: on REST in the response head, on gRPC as initial metadata.

use http::{HeaderName, HeaderValue};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::gateway::Served;

/// Id of the request, on every response.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Members of the request that the provider could not take.
const DROPPED: HeaderName = HeaderName::from_static("x-sluicegate-dropped");
const PROVIDER: HeaderName = HeaderName::from_static("x-sluicegate-provider");
const MODEL: HeaderName = HeaderName::from_static("x-sluicegate-model");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-sluicegate-attempts");
const REVISION: HeaderName = HeaderName::from_static("x-sluicegate-revision");

/// What the answer to an administrative call does not bring about, though one might think so.
const WARNING: HeaderName = HeaderName::from_static("x-sluicegate-warning");

/// Every header of ours, for browsers to be allowed to read.
pub(super) const ALL: [HeaderName; 7] = [REQUEST_ID, PROVIDER, MODEL, ATTEMPTS, REVISION, DROPPED, WARNING];

/// The headers that tell what served a call. Names that are not ASCII are percent-encoded.
pub fn served_headers(served: &Served) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let dropped = (!served.dropped.is_empty()).then(|| (DROPPED, text(&served.dropped.join(","))));
    [
        (PROVIDER, text(&served.provider)),
        (MODEL, text(&served.model)),
        (ATTEMPTS, served.attempts.into()),
        (REVISION, served.revision.into()),
    ]
    .into_iter()
    .chain(dropped)
}

/// The header that says that a new rate limit does not bound anything.
#[must_use]
pub fn not_enforced() -> (HeaderName, HeaderValue) {
    let warning = "rate limits are stored but not enforced by this version";
    (WARNING, HeaderValue::from_static(warning))
}

/// Text as a header value. Infallible: what a header cannot hold is encoded.
pub(super) fn text(text: &str) -> HeaderValue {
    let encoded: std::borrow::Cow<'_, str> = utf8_percent_encode(text, CONTROLS).into();
    HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(served: &Served) -> Vec<(String, String)> {
        served_headers(served)
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
            .collect()
    }

    #[test]
    fn names_stand_in_headers_whatever_their_letters() {
        let served = Served {
            provider: "east (1)".into(),
            model: "m\u{f6}del/\n1".into(),
            attempts: 2,
            revision: 7,
            dropped: vec!["seed", "logit_bias"],
        };
        let expected = [
            ("x-sluicegate-provider", "east (1)"),
            ("x-sluicegate-model", "m%C3%B6del/%0A1"),
            ("x-sluicegate-attempts", "2"),
            ("x-sluicegate-revision", "7"),
            ("x-sluicegate-dropped", "seed,logit_bias"),
        ];
        assert_eq!(of(&served), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn dropped_is_told_only_when_something_was() {
        assert!(of(&Served::default()).iter().all(|(name, _)| name != "x-sluicegate-dropped"));
    }
}
