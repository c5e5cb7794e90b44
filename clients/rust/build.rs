//! Turns the gateway's `proto/` into client code.

const ROOT: &str = "../../proto";
const FILES: [&str; 5] = [
    "sluicegate/v1/inference.proto",
    "sluicegate/v1/provider_admin.proto",
    "sluicegate/v1/model_catalog.proto",
    "sluicegate/v1/access_admin.proto",
    "sluicegate/v1/error_reason.proto",
];
/// Messages that hold secrets; lib.rs prints them without.
const SECRET_MESSAGES: [&str; 5] = [
    ".sluicegate.v1.InlineSecrets",
    ".sluicegate.v1.CreateApiKeyRequest",
    ".sluicegate.v1.CreateApiKeyResponse",
    ".sluicegate.v1.RotateApiKeyRequest",
    ".sluicegate.v1.RotateApiKeyResponse",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    tonic_prost_build::configure()
        .build_server(false)
        .btree_map(".")
        .bytes(".")
        .skip_debug(SECRET_MESSAGES)
        // Ours below instead of prost-types, the same as the server uses.
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    Ok(())
}
