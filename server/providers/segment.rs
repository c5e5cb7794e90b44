//! A name that becomes part of a path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Reason, Result};

/// What may stand in a segment as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The vendor's id of a model, escaped so that it is one segment of a path and nothing else: it adds no segment, no query
/// and no fragment.
///
/// # Errors
/// When no escape helps: it is empty, or a part of it leads to another place once a server has unescaped it.
pub fn safe_path_segment(model: &str) -> Result<String> {
    let leads_elsewhere = |part: &str| part.is_empty() || part == "." || part == "..";
    if model.split(['/', '\\']).any(leads_elsewhere) || model.contains(char::is_control) {
        let message =
            format!("the upstream id {model:?} of the model cannot stand in a path; register it anew");
        return Err(Error::new(Reason::FailedPrecondition, message));
    }
    Ok(utf8_percent_encode(model, ESCAPED).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_one_segment_whatever_it_is_called() {
        for (model, segment) in [
            ("gpt-4o_mini.v1~2", "gpt-4o_mini.v1~2"),
            ("a/b", "a%2Fb"),
            ("a b?c#d", "a%20b%3Fc%23d"),
            ("m:0", "m%3A0"),
            ("100%2e", "100%252e"),
            ("...", "..."),
            ("gr\u{fc}n", "gr%C3%BCn"),
        ] {
            assert_eq!(safe_path_segment(model).unwrap(), segment);
            let url = url::Url::parse(&format!("https://example.com/x/{segment}/y?z=1")).unwrap();
            assert_eq!(url.path_segments().unwrap().count(), 3, "{model}");
        }
    }

    #[test]
    fn a_model_that_leads_elsewhere_is_refused() {
        for model in
            ["", ".", "..", "../models", "a/../b", "a/./b", "a\\..\\b", "/a", "a/", "a//b", "a\nb", "a\0"]
        {
            assert_eq!(
                safe_path_segment(model).unwrap_err().reason(),
                Reason::FailedPrecondition,
                "{model:?}"
            );
        }
    }
}
