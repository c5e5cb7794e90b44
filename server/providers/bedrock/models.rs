//! The answer of ListFoundationModels.

use crate::{
    proto::v1::AvailableModel,
    wire::json::{self, Malformed, Reader},
};

/// Reads the list, in its order.
pub(super) fn read(body: &[u8]) -> Result<Vec<AvailableModel>, Malformed> {
    let mut models = None;
    json::read(body, |reader| {
        reader.object(|reader, name| {
            match name {
                "modelSummaries" => models = Some(reader.list(read_model)?),
                _ => reader.skip()?,
            }
            Ok(())
        })
    })?;
    models.ok_or_else(|| Malformed::required("modelSummaries"))
}

fn read_model(reader: &mut Reader<'_>) -> Result<AvailableModel, Malformed> {
    let mut model = AvailableModel::default();
    reader.object(|reader, name| {
        match name {
            "modelId" => model.id = reader.string()?,
            "providerName" => model.owned_by = reader.string()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    if model.id.is_empty() { Err(Malformed::required("modelId")) } else { Ok(model) }
}
