//! The table against the live port, and against everything that is served.

use std::collections::BTreeSet;

use prost::Message as _;
use serde_json::Value;

use super::{
    ask::{grpc, grpc_web, rest},
    table::{CONDITIONS, Row, TABLE},
    world::{Set, World},
};
use crate::support::{ADMIN_KEY, start_gateway};

/// Served to everybody.
const OPEN: [&str; 9] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/identity/token",
    "/icp4d-api/v1/authorize",
    "/idprovider/v1/auth/identitytoken",
    "/v1/preauth/validateAuth",
    "/ml/wml_services/v2/version",
];

#[test]
fn every_rpc_stands_in_the_table_with_its_permission() {
    let descriptors =
        prost_types::FileDescriptorSet::decode(sluicegate::proto::DESCRIPTORS).expect("descriptors");
    let services = descriptors
        .file
        .iter()
        .filter(|file| file.package() == "sluicegate.v1")
        .flat_map(|file| &file.service);
    let rpcs: BTreeSet<_> = services
        .flat_map(|service| service.method.iter().map(|rpc| format!("{}/{}", service.name(), rpc.name())))
        .collect();
    assert_eq!(rpcs, TABLE.iter().map(|row| row.rpc.to_owned()).collect());
    for row in TABLE {
        let declared = sluicegate::proto::permission(&format!("/sluicegate.v1.{}", row.rpc));
        assert_eq!(declared, Some(row.permission), "{}", row.rpc);
    }
}

/// The path with `{}` for each argument, without its query.
fn shape(path: &str) -> String {
    let is_argument = |part: &str| {
        part.starts_with('{') || (!part.is_empty() && part.bytes().all(|letter| letter.is_ascii_uppercase()))
    };
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').map(|part| if is_argument(part) { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_stands_in_the_table() {
    let gateway = start_gateway().await;
    let response =
        gateway.http.get(format!("{}/openapi.json", gateway.url)).send().await.expect("the document");
    let document: Value = serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").iter();
    let routes: BTreeSet<_> = paths
        .filter(|(path, _)| !OPEN.contains(&path.as_str()))
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations").keys();
            methods.map(|method| (method.to_uppercase(), shape(path)))
        })
        .collect();
    let twins = TABLE.iter().flat_map(|row| row.twins);
    assert_eq!(routes, twins.map(|(method, path, _)| ((*method).to_owned(), shape(path))).collect());
}

/// Asks everything of a row, and tells where the answer is not the verdict.
struct Judge {
    world: World,
    sets: Vec<Set>,
    wrong: Vec<String>,
}

impl Judge {
    async fn judge(&mut self, row: &Row, role: &str, key: Option<&str>, verdict: &str) {
        for (condition, letter) in verdict.chars().enumerate() {
            let what = format!("{role} at {} of {}", row.rpc, CONDITIONS[condition]);
            let message = |set: &Set| (row.encode)(&set.fill(row.message));
            let needle = |set: &Set| set.fill(row.needle());

            let set = &self.sets[condition];
            let outcome = grpc(&self.world.gateway, key, row.rpc, message(set)).await;
            if !outcome.is(letter, &needle(set)) {
                self.wrong.push(format!("{what}: gRPC is not {letter}: {outcome}"));
            }
            self.mend(row, condition, letter).await;

            let set = &self.sets[condition];
            let outcome = grpc_web(&self.world.gateway, key, row.rpc, &message(set)).await;
            if !outcome.is(letter, &needle(set)) {
                self.wrong.push(format!("{what}: gRPC-Web is not {letter}: {outcome}"));
            }
            self.mend(row, condition, letter).await;

            for (method, path, body) in row.twins {
                let set = &self.sets[condition];
                let body = set.fill(if *body == "=" { row.message } else { body });
                let path = set.fill(path);
                let outcome = rest(&self.world.gateway, key, method, &path, &body).await;
                if !outcome.is(letter, &needle(set)) {
                    self.wrong.push(format!("{what}: {method} {path} is not {letter}: {outcome}"));
                }
                self.mend(row, condition, letter).await;
            }
        }
    }

    async fn mend(&mut self, row: &Row, condition: usize, letter: char) {
        if row.spoils() && letter == 'Y' {
            self.sets[condition] = self.world.set(condition).await;
        }
    }
}

#[tokio::test]
async fn every_role_may_what_the_table_says_on_both_edges() {
    let world = World::new().await;
    let mut sets = Vec::new();
    for condition in 0..CONDITIONS.len() {
        sets.push(world.set(condition).await);
    }
    let (user, manage, audit) = (world.user.clone(), world.manage.clone(), world.audit.clone());
    let mut judge = Judge { world, sets, wrong: Vec::new() };
    for row in TABLE {
        let nobody = "U".repeat(row.admin.len());
        judge.judge(row, "nobody", None, &nobody).await;
        judge.judge(row, "user", Some(&user), row.user).await;
        judge.judge(row, "manage", Some(&manage), row.manage).await;
        judge.judge(row, "admin", Some(ADMIN_KEY), row.admin).await;
        judge.judge(row, "audit", Some(&audit), row.audit).await;
    }
    assert!(judge.wrong.is_empty(), "{:#?}", judge.wrong);
}
