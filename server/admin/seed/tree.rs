//! YAML as a tree that knows where everything stands. JSON is YAML.
//!
//! What a scalar means is not decided here: it is kept as it is written, for only its place tells whether `on`, `1e3` or
//! `0123` is a text.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::problem::{Mark, Problem};

/// The deepest nesting.
const MAX_DEPTH: usize = 64;
/// The most that a tree may weigh, copies that aliases make included. A file of the largest size weighs less unless it is
/// made of next to nothing but brackets.
const MAX_WEIGHT: usize = 32 << 20;
/// What a value weighs beside its text.
const NODE_WEIGHT: usize = 16;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub at: Mark,
    pub value: Value,
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Scalar, Node)>),
}

/// A scalar as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    pub at: Mark,
    pub text: String,
    /// It stands without quotes, so that it may be a number, a truth value or nothing.
    pub plain: bool,
}

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Tree {
    /// `None`: nothing. Where the file breaks off in the middle of a list, what stands before that.
    pub root: Option<Node>,
    pub problems: Vec<Problem>,
}

/// Reads a file as far as it can be read.
pub(super) fn read(text: &str) -> Tree {
    let mut builder = Builder::default();
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        disallow_directives: true,
        emit_comments: false,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let taken = match next {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(Problem::file(mark(error.marker()), format!("is no YAML: {}", error.info()))),
        };
        if let Err(problem) = taken {
            builder.problems.push(problem);
            builder.stopped = true;
            break;
        }
    }
    builder.finish()
}

/// A collection that is not yet complete.
struct Open {
    at: Mark,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<(Scalar, Node)>,
        names: HashSet<String>,
        /// The name whose value is to come.
        key: Option<Scalar>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    weight: usize,
    documents: usize,
    stopped: bool,
    problems: Vec<Problem>,
}

// === impl Builder ===

impl Builder {
    /// Takes the next event. An error ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let at = mark(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = self.is_tagged_text(at, tag.as_deref());
                let plain = style == ScalarStyle::Plain && !tagged;
                let scalar = Scalar { at, text: text.into_owned(), plain };
                self.complete(Node { at, value: Value::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_tagged_text(at, tag.as_deref());
                self.open(Open { at, anchor, kind: OpenKind::List(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_tagged_text(at, tag.as_deref());
                let kind = OpenKind::Map { entries: Vec::new(), names: HashSet::new(), key: None };
                self.open(Open { at, anchor, kind })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let anchor = open.anchor;
                    self.complete(open.into_node(), anchor)
                }
                None => Ok(()),
            },
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(Problem::file(
                        at,
                        "is an alias of a value that it stands in; write the value out",
                    ));
                };
                self.weigh(at, &node)?;
                if self.open.len() + node.depth() > MAX_DEPTH {
                    return Err(Problem::file(at, too_deep()));
                }
                self.put(Node { at, ..node });
                Ok(())
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Problem::file(at, "begins a second document; a seed file is one list"));
                }
                Ok(())
            }
            // Marks of the stream, and what is not asked for.
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | Event::Comment(..)
            | _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::file(open.at, too_deep()));
        }
        self.charge(open.at, NODE_WEIGHT)?;
        self.open.push(open);
        Ok(())
    }

    /// A value is there with all that it holds.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if let Value::Scalar(scalar) = &node.value {
            self.charge(node.at, NODE_WEIGHT + scalar.text.len())?;
        }
        if anchor != 0 {
            self.weigh(node.at, &node)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node);
        Ok(())
    }

    /// Puts a value where it belongs.
    fn put(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, names, key } => match key.take() {
                Some(name) => entries.push((name, node)),
                None => *key = Some(name_of(node, names, &mut self.problems)),
            },
        }
    }

    fn weigh(&mut self, at: Mark, node: &Node) -> Result<(), Problem> {
        self.charge(at, node.weight())
    }

    fn charge(&mut self, at: Mark, weight: usize) -> Result<(), Problem> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > MAX_WEIGHT {
            return Err(Problem::file(at, "is too much: with what aliases stand for, the file is too large"));
        }
        Ok(())
    }

    /// Whether the tag says that a value is text. Other tags are problems.
    fn is_tagged_text(&mut self, at: Mark, tag: Option<&Tag>) -> bool {
        let Some(tag) = tag else { return false };
        if tag.core_suffix() != Some("str") {
            self.problems.push(Problem::file(at, "has a tag; a seed file takes none but !!str"));
        }
        true
    }

    fn finish(mut self) -> Tree {
        if self.stopped {
            // What stands before the break in the outermost list.
            self.root = self.open.into_iter().next().map(Open::into_node);
        }
        Tree { root: self.root, problems: self.problems }
    }
}

/// The name of an entry.
fn name_of(node: Node, names: &mut HashSet<String>, problems: &mut Vec<Problem>) -> Scalar {
    let at = node.at;
    let name = match node.value {
        Value::Scalar(name) => Scalar { at, ..name },
        Value::List(_) | Value::Map(_) => {
            problems.push(Problem::file(at, "is no name of a member; write a text"));
            return Scalar { at, text: String::new(), plain: false };
        }
    };
    if name.plain && name.text == "<<" {
        problems.push(Problem::file(
            at,
            "merges another mapping, which a seed file does not; write the members out",
        ));
    } else if !names.insert(name.text.clone()) {
        problems.push(Problem::file(
            at,
            format!("\"{}\" stands here a second time; keep one of them", name.text),
        ));
    }
    name
}

fn too_deep() -> String {
    format!("is nested more than {MAX_DEPTH} deep")
}

fn mark(marker: &Marker) -> Mark {
    Mark { line: marker.line(), column: marker.col() + 1 }
}

// === impl Open ===

impl Open {
    fn into_node(self) -> Node {
        let value = match self.kind {
            OpenKind::List(items) => Value::List(items),
            OpenKind::Map { entries, .. } => Value::Map(entries),
        };
        Node { at: self.at, value }
    }
}

// === impl Node ===

impl Node {
    fn weight(&self) -> usize {
        NODE_WEIGHT
            + match &self.value {
                Value::Scalar(scalar) => scalar.text.len(),
                Value::List(items) => items.iter().map(Self::weight).sum(),
                Value::Map(entries) => {
                    entries.iter().map(|(name, node)| NODE_WEIGHT + name.text.len() + node.weight()).sum()
                }
            }
    }

    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or_default(),
            Value::Map(entries) => 1 + entries.iter().map(|(_, node)| node.depth()).max().unwrap_or_default(),
        }
    }

    /// Whether it says that there is nothing: `null`, `~`, or no value at all.
    pub(super) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => {
                scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::List(_) | Value::Map(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
