//! The seed file: administration requests as YAML or JSON, applied at start and whenever the file changes.
//!
//! `- createProvider: {provider: {...}}`, one a list item: the messages of the API in proto3 JSON. `${NAME}` inside a
//! text is replaced by a variable of the environment; `$${` stands for `${`. What is named is created or brought into the
//! stated form; what is not named is left alone. All of it is one commit, in the order of the file.
//!
//! Text becomes a `tree` that knows its lines; the `shape` of each request, which is the JSON schema for editors, says
//! what its values mean; `entry` makes messages of them; `plan` makes changes. All problems are told at once.

mod entry;
mod file;
mod plan;
mod problem;
mod shape;
mod tree;
mod variables;

pub use file::{SeedFile, read};
pub use shape::SCHEMA;
pub use variables::{Lookup, escape};

use entry::Entry;
use plan::Planner;
use problem::{Mark, Problem, told};
use tree::{Node, Tree, Value};

use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    secrets::{KeyHasher, MasterKeys, Sealer},
    state::{Change, Origin, Records, State},
};

/// The largest file.
pub const MAX_BYTES: usize = 4 << 20;
/// The most requests of a file.
const MAX_ENTRIES: usize = 10_000;

/// The text of a seed file.
#[derive(Clone, Copy)]
pub struct Seed<'a> {
    /// What problems call the file.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
    /// The variables that it may name.
    pub lookup: &'a Lookup<'a>,
}

impl Seed<'_> {
    /// Applies it and returns the revision now live. Where everything is as stated already, nothing is committed.
    ///
    /// # Errors
    /// Every problem with file, line, column and member, e.g. `seed.yaml:7:15: [2].createModel.model.provider`. Then nothing
    /// is applied.
    pub async fn apply(
        self,
        state: &State,
        sealer: &Sealer,
        hasher: &KeyHasher,
        clock: &Clock,
    ) -> Result<i64, Vec<Error>> {
        let tree = self.tree();
        let planner = Planner { sealer, hasher, now: clock.now() };
        let mut problems = Vec::new();
        let outcome = state
            .change(&Origin::own("SeedFile"), |records| {
                let (changes, found) = self.plan(tree, &planner, records);
                if found.is_empty() {
                    let count = changes.len();
                    return Ok((changes, count));
                }
                problems = found;
                Err(Error::new(Reason::InvalidRequest, "the seed file has problems"))
            })
            .await;
        match outcome {
            Ok((count, revision)) => {
                tracing::info!(file = self.name, changes = count, revision, "the seed file was applied");
                Ok(revision)
            }
            Err(error) if problems.is_empty() => Err(vec![error]),
            Err(_) => Err(told(problems, self.name)),
        }
    }

    /// Tries it on an empty gateway, which nobody sees. Returns the number of its requests.
    ///
    /// # Errors
    /// Every problem, as [`Seed::apply`] tells them.
    pub fn check(self, clock: &Clock) -> Result<usize, Vec<Error>> {
        let one = |error| vec![error];
        let sealer = MasterKeys::generate().and_then(|keys| Sealer::new(&keys)).map_err(one)?;
        let (hasher, _) = KeyHasher::generate("", &sealer).map_err(one)?;
        let planner = Planner { sealer: &sealer, hasher: &hasher, now: clock.now() };
        let (changes, problems) = self.plan(self.tree(), &planner, &Records::default());
        if problems.is_empty() { Ok(changes.len()) } else { Err(told(problems, self.name)) }
    }

    fn tree(&self) -> Tree {
        if self.text.len() > MAX_BYTES {
            let message = format!("has more than {MAX_BYTES} bytes");
            return Tree { root: None, problems: vec![Problem::file(Mark::START, message)] };
        }
        tree::read(self.text)
    }

    fn plan(&self, tree: Tree, planner: &Planner<'_>, records: &Records) -> (Vec<Change>, Vec<Problem>) {
        let Tree { root, mut problems } = tree;
        let items = items(root.as_ref(), &mut problems);
        let read = |(index, node)| Entry::read(index, node, self.lookup, &mut problems);
        let mut entries: Vec<_> = items.iter().enumerate().map(read).collect();
        let (changes, found) = planner.plan(records, &mut entries);
        problems.extend(found);
        (changes, problems)
    }
}

/// The requests of a file. That it is no list of them is a problem, unless there are others.
fn items<'a>(root: Option<&'a Node>, problems: &mut Vec<Problem>) -> &'a [Node] {
    let (at, message) = match root {
        Some(Node { value: Value::List(items), .. }) if items.len() <= MAX_ENTRIES => return items,
        Some(Node { value: Value::List(items), at }) => {
            (*at, format!("has {} requests; at most {MAX_ENTRIES} are allowed", items.len()))
        }
        Some(Node { at, .. }) => {
            (*at, "must be a list of requests, such as - createProvider: ...".to_owned())
        }
        None => (Mark::START, "is empty; write [] for no requests".to_owned()),
    };
    if problems.is_empty() {
        problems.push(Problem::file(at, message));
    }
    &[]
}
