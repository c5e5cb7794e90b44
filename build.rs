//! Turns `proto/` into Rust: messages, servers, proto3 JSON, the descriptor set for reflection, and the table that says
//! which permission each RPC needs.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use prost_reflect::{DescriptorPool, Kind, Value};

const ROOT: &str = "proto";
const FILES: [&str; 5] = [
    "sluicegate/v1/inference.proto",
    "sluicegate/v1/provider_admin.proto",
    "sluicegate/v1/model_catalog.proto",
    "sluicegate/v1/access_admin.proto",
    "sluicegate/v1/error_reason.proto",
];
/// Messages that hold secrets.
const SECRET_MESSAGES: [&str; 3] = [
    ".sluicegate.v1.InlineSecrets",
    ".sluicegate.v1.CreateApiKeyRequest",
    ".sluicegate.v1.CreateApiKeyResponse",
];

#[expect(clippy::disallowed_methods, reason = "cargo talks to build scripts through the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();
    // These bytes keep the method options, which the typed descriptors lose.
    let bytes = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &bytes)?;
    fs::write(out.join("permissions.rs"), permission_table(&bytes)?)?;

    tonic_prost_build::configure()
        .build_client(false)
        // Sorted maps, so that equal requests give equal upstream bodies.
        .btree_map(".")
        .bytes(".")
        // These hold secrets; proto.rs prints them without.
        .skip_debug(SECRET_MESSAGES)
        // Ours below instead of prost-types, which have no proto3 JSON.
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new().register_descriptors(&bytes)?.btree_map(["."]).build(&[".sluicegate.v1"])?;
    Ok(())
}

/// Writes a match from RPC path to permission. An RPC without a permission fails the build.
fn permission_table(descriptors: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let pool = DescriptorPool::decode(descriptors)?;
    let option = pool
        .get_extension_by_name("sluicegate.v1.permission")
        .ok_or("the permission option is not defined")?;
    let Kind::Enum(permissions) = option.kind() else {
        return Err("the permission option is not an enum".into());
    };
    let mut table = String::from("match path {\n");
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let options = method.options();
            let value = options.get_extension(&option);
            let Value::EnumNumber(number @ 1..) = value.as_ref() else {
                return Err(format!("{path} names no permission").into());
            };
            let name = permissions
                .get_value(*number)
                .ok_or_else(|| format!("{path} names an unknown permission"))?;
            let variant = camel_case(name.name().trim_start_matches("PERMISSION_"));
            writeln!(table, "    {path:?} => Some(Permission::{variant}),")?;
        }
    }
    table.push_str("    _ => None,\n}\n");
    Ok(table)
}

/// `READ_MODELS` -> `ReadModels`, as prost names enum values.
fn camel_case(upper: &str) -> String {
    upper
        .split('_')
        .map(|word| {
            let lower = word.to_lowercase();
            lower[..1].to_uppercase() + &lower[1..]
        })
        .collect()
}
