//! The comments of `proto/`.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor, MethodDescriptor};

/// Comments by file and place.
pub(super) struct Comments(HashMap<(String, Vec<i32>), String>);

// === impl Comments ===

impl Comments {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let proto = file.file_descriptor_proto();
            for location in proto.source_code_info.iter().flat_map(|info| &info.location) {
                if let Some(comment) = &location.leading_comments {
                    comments.insert((file.name().to_owned(), location.path.clone()), comment.clone());
                }
            }
        }
        Self(comments)
    }

    /// The text at a place, without the lines for machines: REST twins and examples. Empty where there is none.
    pub(super) fn at(&self, file: &FileDescriptor, path: &[i32]) -> String {
        let lines = self.raw(file, path).lines().map(str::trim);
        let text = lines.take_while(|line| !line.starts_with("REST:") && !line.starts_with('{'));
        // A line that is empty parts two paragraphs.
        let text = text.map(|line| if line.is_empty() { "\n\n" } else { line }).collect::<Vec<_>>().join(" ");
        text.replace(" \n\n ", "\n\n").trim().to_owned()
    }

    /// The REST twins of an RPC: method and path.
    pub(super) fn twins(&self, method: &MethodDescriptor) -> Vec<(String, String)> {
        let comment = self.raw(&method.parent_service().parent_file(), method.path());
        let (_, lines) = comment.split_once("REST:").unwrap_or_default();
        let twin = |twin: &str| {
            let mut words = twin.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.next()?))
        };
        lines.split(',').filter_map(twin).collect()
    }

    fn raw(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}
