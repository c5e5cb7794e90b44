//! From the name of a model to the targets that the caller may use.

use crate::{
    error::{Error, Reason, Result},
    proto::v1::Permission,
    state::{Call, Group, Resource, Target},
};

/// The targets of a name that are open to the caller. At least one.
#[derive(Debug)]
pub(super) struct Route<'a> {
    pub(super) group: &'a Group,
    /// Places in the group that are closed to the caller. Takes no memory where there are none.
    closed: Vec<usize>,
}

/// The targets that `name` stands for and that the caller may read, with their providers.
///
/// # Errors
/// When the name stands for nothing, or the caller may use none of it.
pub(super) fn route<'a>(call: &'a Call, name: &str) -> Result<Route<'a>> {
    let group = call.snapshot.group(name)?;
    let access = &call.snapshot.access;
    let mut closed = Vec::new();
    if !access.is_empty() {
        let open = |target: &Target| {
            let resource = Resource::Model { id: &target.model_id, provider: &target.upstream.id };
            access.allows(&call.caller, Permission::Infer, resource)
        };
        let targets = group.targets.iter().enumerate();
        closed.extend(targets.filter(|(_, target)| !open(target)).map(|(place, _)| place));
    }
    if closed.len() == group.targets.len() {
        return Err(Error::new(
            Reason::PolicyDenied,
            format!(
                "{} may not use model \"{name}\"; ask an administrator, whom AccessAdmin.ExplainAccess tells which \
                 policy it is",
                call.caller
            ),
        )
        .field("model")
        .model(name));
    }
    Ok(Route { group, closed })
}

impl<'a> Route<'a> {
    /// How many targets are open.
    pub(super) fn len(&self) -> usize {
        self.group.targets.len() - self.closed.len()
    }

    /// The open ones with their places, all of them once, beginning with any.
    pub(super) fn targets_from(
        &self,
        start: usize,
    ) -> impl Iterator<Item = (usize, &'a std::sync::Arc<Target>)> {
        let open = self.group.targets.iter().enumerate().filter(|(place, _)| !self.closed.contains(place));
        open.cycle().skip(start % self.len().max(1)).take(self.len())
    }
}
