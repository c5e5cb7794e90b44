//! Lists in pages. A page token is the sort key of the last item shown, so that pages stay right while items come and go.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::error::{Error, Result};

const DEFAULT_SIZE: usize = 100;
const MAX_SIZE: i32 = 1000;

/// The page that is asked for.
#[derive(Debug)]
pub(super) struct Page {
    list: &'static str,
    size: usize,
    after: Option<String>,
}

impl Page {
    /// Reads `page_size` and `page_token` of a request for `list`.
    pub(super) fn read(list: &'static str, size: i32, token: &str) -> Result<Self> {
        let size = match size {
            0 => Some(DEFAULT_SIZE),
            1..=MAX_SIZE => usize::try_from(size).ok(),
            _ => None,
        };
        let size = size.ok_or_else(|| Error::invalid("page_size", "must be from 1 to 1000, or 0 for 100"))?;
        let after = if token.is_empty() { None } else { Some(read_token(list, token)?) };
        Ok(Self { list, size, after })
    }

    /// The most that it may hold.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Sort key of the last item that was shown.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The token of the page that begins after this sort key.
    pub(super) fn token(&self, last: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{last}", self.list))
    }

    /// Cuts the page out of all items, given with their sort keys, and makes the token of the next.
    pub(super) fn cut<T>(self, mut items: Vec<(String, T)>) -> (Vec<T>, String) {
        items.sort_by(|(left, _), (right, _)| left.cmp(right));
        if let Some(after) = &self.after {
            items.retain(|(key, _)| key > after);
        }
        let next = match items.get(self.size.saturating_sub(1)) {
            Some((last, _)) if items.len() > self.size => self.token(last),
            _ => String::new(),
        };
        items.truncate(self.size);
        (items.into_iter().map(|(_, item)| item).collect(), next)
    }
}

fn read_token(list: &str, token: &str) -> Result<String> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        Some(text.strip_prefix(list)?.strip_prefix(':')?.to_owned())
    };
    read().ok_or_else(|| {
        Error::invalid(
            "page_token",
            "is none of this list; give next_page_token of an earlier answer, or nothing",
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Page;

    proptest! {
        #[test]
        fn pages_of_any_size_show_every_item_once_and_in_order(
            names in proptest::collection::btree_set("[a-zé:]{1,8}", 0..60), size in 1..70_i32,
        ) {
            let items: Vec<_> = names.iter().rev().map(|name| (name.clone(), name.clone())).collect();
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let (page, next) = Page::read("names", size, &token).unwrap().cut(items.clone());
                prop_assert!(page.len() <= usize::try_from(size).unwrap());
                seen.extend(page);
                if next.is_empty() { break }
                token = next;
            }
            prop_assert_eq!(seen, names.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_made_up_token_is_refused(token in ".{1,40}") {
            let error = Page::read("names", 0, &token).unwrap_err();
            prop_assert_eq!(error.detail().field.as_deref(), Some("page_token"));
        }
    }

    #[test]
    fn the_token_of_one_list_does_not_fit_another() {
        let items = vec![("a".to_owned(), 1), ("b".to_owned(), 2)];
        let (_, token) = Page::read("one", 1, "").unwrap().cut(items);
        assert!(Page::read("two", 1, &token).is_err());
    }

    #[test]
    fn sizes_outside_1_to_1000_are_refused() {
        for size in [-1, 1001, i32::MIN, i32::MAX] {
            assert!(Page::read("names", size, "").is_err());
        }
    }
}
