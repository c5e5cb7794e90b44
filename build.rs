//! Turns `proto/` into Rust: messages, servers, proto3 JSON, the descriptor set for reflection, and the table that says
//! which permission each RPC needs. Makes the OpenAPI document and the schema of seed files, too.

#[path = "server/rest/openapi/make/mod.rs"]
mod openapi;

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::PathBuf};

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
const SECRET_MESSAGES: [&str; 5] = [
    ".sluicegate.v1.InlineSecrets",
    ".sluicegate.v1.CreateApiKeyRequest",
    ".sluicegate.v1.CreateApiKeyResponse",
    ".sluicegate.v1.RotateApiKeyRequest",
    ".sluicegate.v1.RotateApiKeyResponse",
];

#[expect(clippy::disallowed_methods, reason = "cargo talks to build scripts through the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    println!("cargo::rerun-if-changed={}", openapi::FOLDER);
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();
    // These bytes keep the method options, which the typed descriptors lose.
    let bytes = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &bytes)?;
    let pool = DescriptorPool::decode(bytes.as_slice())?;
    let permissions = permissions(&pool)?;
    fs::write(out.join("permissions.rs"), permission_table(&permissions)?)?;
    fs::write(out.join("openapi.json"), openapi::document(&pool, &permissions)?)?;
    fs::write(out.join("seed.schema.json"), openapi::seed_schema(&pool)?)?;

    tonic_prost_build::configure()
        // The command line administers over gRPC.
        .build_client(true)
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

/// The permission that each RPC names, e.g. `READ_MODELS`. An RPC without one fails the build.
fn permissions(pool: &DescriptorPool) -> Result<BTreeMap<String, String>, Box<dyn std::error::Error>> {
    let option = pool
        .get_extension_by_name("sluicegate.v1.permission")
        .ok_or("the permission option is not defined")?;
    let Kind::Enum(permissions) = option.kind() else {
        return Err("the permission option is not an enum".into());
    };
    let mut named = BTreeMap::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let options = method.options();
        let value = options.get_extension(&option);
        let Value::EnumNumber(number @ 1..) = value.as_ref() else {
            return Err(format!("{path} names no permission").into());
        };
        let name =
            permissions.get_value(*number).ok_or_else(|| format!("{path} names an unknown permission"))?;
        named.insert(path, name.name().trim_start_matches("PERMISSION_").to_owned());
    }
    Ok(named)
}

/// Writes a match from RPC path to permission.
fn permission_table(permissions: &BTreeMap<String, String>) -> Result<String, std::fmt::Error> {
    let mut table = String::from("match path {\n");
    for (path, permission) in permissions {
        writeln!(table, "    {path:?} => Some(Permission::{}),", camel_case(permission))?;
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
