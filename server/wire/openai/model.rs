//! Models: a vendor's list, and ours.

use super::{read_created, write_created};
use crate::{
    proto::v1::{AvailableModel, Model},
    wire::json::{self, Kind, Malformed, Object, Reader, Writer},
};

/// Reads a vendor's list of models: under `data`, or the list alone.
///
/// # Errors
/// When it is not one; names the member.
pub fn read_list(body: &[u8]) -> Result<Vec<AvailableModel>, Malformed> {
    json::read(body, |reader| {
        if reader.kind() == Kind::List {
            return reader.list(read_model);
        }
        let mut models = None;
        reader.object(|reader, name| {
            match name {
                "data" => models = Some(reader.list(read_model)?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        models.ok_or_else(|| Malformed::required("data"))
    })
}

fn read_model(reader: &mut Reader<'_>) -> Result<AvailableModel, Malformed> {
    let (mut model, mut id) = (AvailableModel::default(), None);
    reader.object(|reader, name| {
        match name {
            "id" => id = Some(reader.string()?),
            "owned_by" if reader.kind() == Kind::Text => model.owned_by = reader.string()?,
            "created" if reader.kind() == Kind::Number => model.create_time = read_created(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    model.id = id.ok_or_else(|| Malformed::required("id"))?;
    Ok(model)
}

/// Writes one model.
#[must_use]
pub fn write(model: &Model) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, |object| write_members(object, model));
    out
}

/// Writes a list of models.
pub fn write_list<'a>(models: impl IntoIterator<Item = &'a Model>) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, |object| {
        object.text("object", "list");
        object.member("data", |value| {
            value.each(models, |value, model| value.object(|object| write_members(object, model)));
        });
    });
    out
}

fn write_members(object: &mut Object<'_>, model: &Model) {
    let set = |text: &'_ str| !text.is_empty();
    let alias = Some(model.alias.as_str()).filter(|alias| set(alias));
    object.text("id", alias.unwrap_or(&model.upstream_id));
    object.text("object", "model");
    write_created(object, model.create_time.as_ref());
    object.text("owned_by", &format!("{}:{}", model.provider_type, model.provider_name));
    object.text("uuid", &model.id);
    object.text("upstream_id", &model.upstream_id);
    object.optional_text("alias", alias);
    object.optional_text("description", Some(model.description.as_str()).filter(|text| set(text)));
    if !model.metadata_json.is_empty() {
        object.object("metadata", |object| object.extras(&model.metadata_json));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_read_with_or_without_its_envelope() {
        let bare = br#"[{"id":"a","owned_by":"x","created":7},{"id":"b","created":"long ago"}]"#;
        let enveloped = [b"{\"object\":\"list\",\"data\":".as_slice(), bare, b"}"].concat();
        let models = read_list(bare).unwrap();
        assert_eq!(models, read_list(&enveloped).unwrap());
        assert_eq!((models[0].id.as_str(), models[0].owned_by.as_str()), ("a", "x"));
        assert_eq!((models[1].id.as_str(), &models[1].create_time), ("b", &None));
        assert_eq!(read_list(br#"{"data":[{}]}"#).unwrap_err().field, "data[0].id");
    }

    #[test]
    fn id_is_the_alias_where_there_is_one() {
        let mut model = Model {
            id: "0190".to_owned(),
            upstream_id: "large-1".to_owned(),
            provider_type: "custom".to_owned(),
            provider_name: "east".to_owned(),
            ..Model::default()
        };
        model.metadata_json.insert("context_window".to_owned(), "4096".to_owned());
        let plain: serde_json::Value = serde_json::from_slice(&write(&model)).unwrap();
        assert_eq!(plain["id"], "large-1");
        assert_eq!(plain["owned_by"], "custom:east");
        assert_eq!(plain["metadata"]["context_window"], 4096);
        assert!(plain.get("alias").is_none());
        model.alias = "fast".to_owned();
        let list: serde_json::Value = serde_json::from_slice(&write_list([&model])).unwrap();
        assert_eq!(list["data"][0]["id"], "fast");
        assert_eq!(list["data"][0]["upstream_id"], "large-1");
    }
}
