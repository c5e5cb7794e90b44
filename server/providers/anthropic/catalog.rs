//! The list of models.

use crate::{
    error::Result,
    proto::v1::AvailableModel,
    wire::json::{self, Kind, Malformed, Reader},
};

/// Who makes all of them.
const MAKER: &str = "anthropic";

/// Reads a list.
///
/// # Errors
/// When it is not one; names the member.
pub(super) fn read(body: &[u8]) -> Result<Vec<AvailableModel>> {
    let mut models = None;
    json::read(body, |reader| {
        reader.object(|reader, name| match name {
            "data" => {
                models = Some(reader.list(read_model)?);
                Ok(())
            }
            _ => reader.skip(),
        })
    })
    .and_then(|()| models.ok_or_else(|| Malformed::required("data")))
    .map_err(Malformed::in_answer)
}

fn read_model(reader: &mut Reader<'_>) -> Result<AvailableModel, Malformed> {
    let (mut id, mut model) =
        (None, AvailableModel { owned_by: MAKER.to_owned(), ..AvailableModel::default() });
    reader.object(|reader, name| {
        match name {
            "id" => id = Some(reader.string()?),
            // Where the vendor does not know, it says the beginning of the epoch.
            "created_at" if reader.kind() == Kind::Text => {
                let time: Option<pbjson_types::Timestamp> = serde_json::from_str(reader.raw()?).ok();
                model.create_time = time.filter(|time| time.seconds != 0);
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    model.id = id.ok_or_else(|| Malformed::required("id"))?;
    Ok(model)
}
