//! Models. Their answers are those of [`openai::model`](crate::wire::openai::model).

use std::collections::BTreeMap;

use super::{Member, Members, malformed};
use crate::{proto::v1::Model, wire::json::Malformed};

/// A model as a client writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelWrite {
    /// The provider's own id for it.
    pub id: Member<String>,
    /// What callers may name instead.
    pub alias: Member<String>,
    /// For people.
    pub description: Member<String>,
    /// Facts about it: member name -> JSON text, or `null`.
    pub metadata: Member<BTreeMap<String, String>>,
}

/// Reads a model.
///
/// # Errors
/// When a member is wrong; names it.
pub fn read(body: &[u8]) -> Result<ModelWrite, Malformed> {
    let members = Members::of(body)?;
    let metadata = match members.object("metadata")? {
        Member::Absent => Member::Absent,
        Member::Null => Member::Null,
        Member::Set(object) => {
            Member::Set(object.into_iter().map(|(name, raw)| (name, raw.get().to_owned())).collect())
        }
    };
    Ok(ModelWrite {
        id: members.text("id")?,
        alias: members.text("alias")?,
        description: members.text("description")?,
        metadata,
    })
}

// === impl ModelWrite ===

impl ModelWrite {
    /// A new model of a provider.
    ///
    /// # Errors
    /// When it has no id.
    pub fn create(self, provider: String) -> Result<Model, Malformed> {
        let id = self.id.clone().set().filter(|id| !id.is_empty());
        let upstream_id = id.ok_or_else(|| malformed("id", "give the provider's own id of the model"))?;
        Ok(self.replace(Model { provider, upstream_id, ..Default::default() }))
    }

    /// The model with all that can be written replaced; what is absent is gone, except its upstream id.
    #[must_use]
    pub fn replace(self, mut model: Model) -> Model {
        if let Some(id) = self.id.set().filter(|id| !id.is_empty()) {
            model.upstream_id = id;
        }
        model.alias = self.alias.set().unwrap_or_default();
        model.description = self.description.set().unwrap_or_default();
        model.metadata_json = self.metadata.set().unwrap_or_default();
        model.metadata_json.retain(|_, json| json != "null");
        model
    }

    /// The model with what is there changed, as by a JSON merge patch: `null` removes.
    #[must_use]
    pub fn patch(self, mut model: Model) -> Model {
        if let Some(id) = self.id.set().filter(|id| !id.is_empty()) {
            model.upstream_id = id;
        }
        match self.alias {
            Member::Absent => {}
            Member::Null => model.alias.clear(),
            Member::Set(alias) => model.alias = alias,
        }
        match self.description {
            Member::Absent => {}
            Member::Null => model.description.clear(),
            Member::Set(description) => model.description = description,
        }
        match self.metadata {
            Member::Absent => {}
            Member::Null => model.metadata_json.clear(),
            Member::Set(metadata) => {
                model.metadata_json.extend(metadata);
                model.metadata_json.retain(|_, json| json != "null");
            }
        }
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Model {
        read(
            br#"{"id":"up","alias":"a/b","description":"d","metadata":{"cost":1.00,"big":9007199254740993}}"#,
        )
        .unwrap()
        .create("east".into())
        .unwrap()
    }

    fn metadata(model: &Model) -> Vec<(&str, &str)> {
        model.metadata_json.iter().map(|(name, json)| (name.as_str(), json.as_str())).collect()
    }

    #[test]
    fn metadata_keeps_its_letters() {
        let model = stored();
        assert_eq!((model.upstream_id.as_str(), model.alias.as_str()), ("up", "a/b"));
        assert_eq!(metadata(&model), [("big", "9007199254740993"), ("cost", "1.00")]);
    }

    #[test]
    fn replace_removes_what_is_absent_except_the_id() {
        let model = read(br#"{"metadata":{"x":[1],"gone":null}}"#).unwrap().replace(stored());
        assert_eq!((model.upstream_id.as_str(), model.alias.as_str()), ("up", ""));
        assert_eq!(model.description, "");
        assert_eq!(metadata(&model), [("x", "[1]")]);
    }

    #[test]
    fn patch_keeps_what_is_absent_and_removes_what_is_null() {
        let model =
            read(br#"{"id":"new","alias":null,"metadata":{"cost":null,"x":"y"}}"#).unwrap().patch(stored());
        assert_eq!((model.upstream_id.as_str(), model.alias.as_str()), ("new", ""));
        assert_eq!(model.description, "d");
        assert_eq!(metadata(&model), [("big", "9007199254740993"), ("x", "\"y\"")]);
        assert_eq!(read(b"{}").unwrap().patch(stored()), stored());
    }

    #[test]
    fn wrong_member_is_named() {
        for (body, field) in [(r#"{"id":1}"#, "id"), (r#"{"id":"x","metadata":[]}"#, "metadata")] {
            assert_eq!(read(body.as_bytes()).unwrap_err().field, field);
        }
        for body in ["{}", r#"{"id":null}"#, r#"{"id":""}"#] {
            assert_eq!(read(body.as_bytes()).unwrap().create("east".into()).unwrap_err().field, "id");
        }
    }
}
