//! Models: names, groups and what a name stands for.

use std::sync::{Arc, LazyLock, atomic::Ordering};

use proptest::prelude::*;
use sluicegate::{
    error::{Reason, Result},
    http::{Client, Way},
    proto::v1::{
        CreateModelRequest, DeleteModelRequest, GetModelRequest, ListModelsRequest, Model, Provider,
        UpdateModelRequest, UpdateProviderRequest,
    },
    secrets::{MasterKeys, Sealer},
    state::{Change, Connector, Records, Snapshot, StoredProvider, build},
};

use super::{Bench, connector, custom, map, model, refused};

/// With a client in use, as making one anew for each snapshot takes long.
static CONNECTOR: LazyLock<(Connector, Client)> = LazyLock::new(|| {
    let sealer = Sealer::new(&MasterKeys::generate().unwrap()).unwrap();
    let connector = connector(&Arc::new(sealer));
    let client = connector.clients.get(&Way::default()).unwrap();
    (connector, client)
});

async fn two_providers() -> Bench {
    let bench = Bench::new().await;
    bench.provider(custom("east")).await;
    bench.provider(custom("west")).await;
    bench
}

async fn update(bench: &Bench, model: Model) -> Result<Model> {
    let request = UpdateModelRequest { model: Some(model) };
    Ok(bench.admin.update_model(&bench.call(), request).await?.model.unwrap())
}

async fn get(bench: &Bench, name: &str) -> Result<Model> {
    let request = GetModelRequest { id: name.into() };
    Ok(bench.admin.get_model(&bench.call(), request).await?.model.unwrap())
}

#[tokio::test]
async fn a_model_reads_back_by_id_alias_and_upstream_id() {
    let bench = two_providers().await;
    let wanted = Model {
        weight: Some(7),
        description: "good".into(),
        metadata_json: map(&[("cost", "0.10"), ("big", "9007199254740993"), ("functions", "[\"a\"]")]),
        labels: map(&[("team", "blue")]),
        ..model("east", "vendor/m:1", "team/fast")
    };
    let made = bench.try_model(wanted.clone()).await.unwrap();
    assert_eq!(made.metadata_json, wanted.metadata_json, "JSON text stays as it was written");
    assert_eq!((&*made.provider_name, &*made.provider_type), ("east", "custom"));
    for name in [&made.id, "team/fast", "vendor/m:1"] {
        assert_eq!(get(&bench, name).await.unwrap(), made);
        assert_eq!(bench.state.snapshot().group(name).unwrap().targets[0].weight, 7);
    }
    refused(get(&bench, "nobody").await, Reason::ModelNotFound, "id", "\"nobody\"");
    refused(get(&bench, "").await, Reason::InvalidRequest, "id", "");
}

#[tokio::test]
async fn a_model_tells_the_present_name_of_its_provider() {
    let bench = two_providers().await;
    let made = bench.model("east", "m", "").await;
    let renamed = Provider { id: made.provider.clone(), ..custom("north") };
    let request = UpdateProviderRequest { provider: Some(renamed) };
    bench.admin.update_provider(&bench.call(), request).await.unwrap();
    assert_eq!(get(&bench, &made.id).await.unwrap().provider_name, "north");
}

#[tokio::test]
async fn a_model_that_breaks_a_rule_is_refused_at_its_field() {
    let bench = two_providers().await;
    let good = || model("east", "m", "a");
    let invalid = Reason::InvalidRequest;
    for (model, reason, field) in [
        (Model { provider: String::new(), ..good() }, invalid, "model.provider"),
        (Model { provider: "north".into(), ..good() }, Reason::ProviderNotFound, "model.provider"),
        (Model { upstream_id: String::new(), ..good() }, invalid, "model.upstream_id"),
        (Model { upstream_id: "a b".into(), ..good() }, invalid, "model.upstream_id"),
        (Model { upstream_id: "x".repeat(513), ..good() }, invalid, "model.upstream_id"),
        (Model { alias: "x".repeat(257), ..good() }, invalid, "model.alias"),
        (Model { alias: "a\tb".into(), ..good() }, invalid, "model.alias"),
        (Model { alias: "a\u{202e}b".into(), ..good() }, invalid, "model.alias"),
        (Model { alias: "018f3c5e-8a4b-7000-8000-000000000000".into(), ..good() }, invalid, "model.alias"),
        (Model { weight: Some(0), ..good() }, invalid, "model.weight"),
        (Model { weight: Some(1001), ..good() }, invalid, "model.weight"),
        (Model { description: "x".repeat(4097), ..good() }, invalid, "model.description"),
        (Model { metadata_json: map(&[("a", "{")]), ..good() }, invalid, "model.metadata_json.a"),
        (Model { metadata_json: map(&[("a", "plain")]), ..good() }, invalid, "model.metadata_json.a"),
        (
            Model { metadata_json: map(&[("a", &"[".repeat(200))]), ..good() },
            invalid,
            "model.metadata_json.a",
        ),
        (Model { metadata_json: map(&[("", "1")]), ..good() }, invalid, "model.metadata_json"),
    ] {
        refused(bench.try_model(model).await, reason, field, "");
    }
    let request = CreateModelRequest::default();
    refused(bench.admin.create_model(&bench.call(), request).await, invalid, "model", "required");
    assert!(bench.state.snapshot().records.models.is_empty());
}

#[tokio::test]
async fn an_alias_is_unique_within_its_provider_and_balanced_over_providers() {
    let bench = two_providers().await;
    bench.model("east", "m1", "fast").await;
    refused(bench.try_model(model("east", "m2", "fast")).await, Reason::NameTaken, "model.alias", "\"fast\"");
    bench.model("west", "m1", "fast").await;
    let other = bench.model("west", "m2", "slow").await;
    refused(
        update(&bench, Model { alias: "fast".into(), ..other }).await,
        Reason::NameTaken,
        "model.alias",
        "",
    );
    assert_eq!(bench.state.snapshot().group("fast").unwrap().targets.len(), 2);
}

#[tokio::test]
async fn one_upstream_id_may_be_registered_several_times_and_is_balanced() {
    let bench = two_providers().await;
    bench.model("east", "m", "").await;
    let second = Model { description: "again".into(), ..model("east", "m", "") };
    bench.try_model(second).await.unwrap();
    bench.model("west", "m", "w").await;
    assert_eq!(bench.state.snapshot().group("m").unwrap().targets.len(), 3);
}

#[tokio::test]
async fn a_name_that_fits_several_gives_the_oldest_and_changes_none() {
    let bench = two_providers().await;
    let first = bench.model("west", "m1", "fast").await;
    bench.clock.advance(60);
    let second = bench.model("east", "m2", "fast").await;
    assert_eq!(get(&bench, "fast").await.unwrap().id, first.id);
    let request = DeleteModelRequest { id: "fast".into() };
    let outcome = bench.admin.delete_model(&bench.call(), request).await;
    refused(outcome, Reason::FailedPrecondition, "id", &second.id);
    let shared = Model { id: "fast".into(), ..model("", "m1", "fast") };
    refused(update(&bench, shared).await, Reason::FailedPrecondition, "model.id", &first.id);
    let request = DeleteModelRequest { id: first.id };
    bench.admin.delete_model(&bench.call(), request).await.unwrap();
    let request = DeleteModelRequest { id: "fast".into() };
    bench.admin.delete_model(&bench.call(), request).await.unwrap();
    assert!(bench.state.snapshot().groups.is_empty());
}

#[tokio::test]
async fn an_update_keeps_id_provider_and_create_time() {
    let bench = two_providers().await;
    let made = bench.model("east", "m", "a").await;
    bench.clock.advance(5);
    let next = update(&bench, Model { id: "a".into(), ..model("", "m2", "b") }).await.unwrap();
    assert_eq!((&next.id, &next.provider, next.create_time), (&made.id, &made.provider, made.create_time));
    assert_eq!((&*next.upstream_id, &*next.alias), ("m2", "b"));
    let moved = Model { provider: "west".into(), ..next.clone() };
    refused(update(&bench, moved).await, Reason::InvalidRequest, "model.provider", "cannot change");
    let by_name = Model { provider: "east".into(), ..next.clone() };
    update(&bench, by_name).await.unwrap();
    refused(update(&bench, next).await, Reason::Conflict, "model.etag", "");
}

#[tokio::test]
async fn a_repeated_create_makes_no_twin() {
    let bench = two_providers().await;
    let first = bench.model("east", "m", "").await;
    assert_eq!(bench.model("east", "m", "").await, first);
    bench.clock.advance(10);
    assert_ne!(bench.model("east", "m", "").await.id, first.id, "later it is meant");
}

#[tokio::test]
async fn models_are_listed_in_the_order_of_their_creation_also_of_one_provider() {
    let bench = two_providers().await;
    for (provider, id) in [("west", "z"), ("east", "a"), ("west", "b"), ("east", "y")] {
        bench.model(provider, id, "").await;
        bench.clock.advance(1);
    }
    let list = async |provider: &str, page_size, page_token: &str| {
        let request =
            ListModelsRequest { provider: provider.into(), page_size, page_token: page_token.into() };
        let page = bench.admin.list_models(&bench.call(), request).await?;
        let ids: Vec<_> = page.models.into_iter().map(|model| model.upstream_id).collect();
        Ok::<_, sluicegate::error::Error>((ids.join(""), page.next_page_token))
    };
    assert_eq!(list("", 0, "").await.unwrap().0, "zaby");
    assert_eq!(list("west", 0, "").await.unwrap().0, "zb");
    let (first, token) = list("", 3, "").await.unwrap();
    assert_eq!((&*first, &*list("", 3, &token).await.unwrap().0), ("zab", "y"));
    refused(list("north", 0, "").await, Reason::ProviderNotFound, "provider", "north");
    refused(list("", 1001, "").await, Reason::InvalidRequest, "page_size", "");
}

#[tokio::test]
async fn counters_survive_a_change_of_the_snapshot() {
    let bench = two_providers().await;
    let made = bench.model("east", "m", "a").await;
    let before = bench.state.snapshot();
    before.group("a").unwrap().targets[0].live.in_flight.store(5, Ordering::Relaxed);
    update(&bench, Model { alias: "b".into(), ..made }).await.unwrap();
    let after = bench.state.snapshot();
    assert!(after.group("a").is_err());
    let (old, new) = (&before.group("a").unwrap().targets[0], &after.group("b").unwrap().targets[0]);
    assert!(Arc::ptr_eq(&old.live, &new.live));
    assert_eq!(new.live.in_flight.load(Ordering::Relaxed), 5);
}

proptest! {
    /// Alias before id before upstream id; several that fit form one group; nothing else is callable.
    #[test]
    fn a_name_stands_for_what_the_precedence_says(
        models in proptest::collection::vec((0..3_usize, "[a-d]", "[a-d]?"), 0..12),
    ) {
        let mut records = Records::default();
        for number in 0..3 {
            let provider = Provider { id: format!("p{number}"), ..custom(&format!("p{number}")) };
            records.apply(Change::PutProvider(Box::new(StoredProvider { provider, credential: None })));
        }
        for (number, (provider, upstream_id, alias)) in models.into_iter().enumerate() {
            let provider = format!("p{provider}");
            let taken = |other: &Model| other.provider == provider && other.alias == alias;
            if alias.is_empty() || !records.models.values().any(taken) {
                let model = Model { id: format!("m{number}"), ..model(&provider, &upstream_id, &alias) };
                records.apply(Change::PutModel(Box::new(model)));
            }
        }
        let snapshot = build(records.clone(), &Snapshot::default(), &CONNECTOR.0).unwrap();
        for name in ["a", "b", "c", "d", "m0", "m5"] {
            let fits = |rule: fn(&Model) -> &String| -> Vec<String> {
                records.models.values().filter(|model| rule(model) == name).map(|model| model.id.clone()).collect()
            };
            let rules = [fits(|model| &model.alias), fits(|model| &model.id), fits(|model| &model.upstream_id)];
            let expected = rules.into_iter().find(|ids| !ids.is_empty()).unwrap_or_default();
            let found = snapshot.group(name).map_or_else(|_| Vec::new(), |group| {
                group.targets.iter().map(|target| target.model_id.clone()).collect()
            });
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_build_tells_every_problem_at_once() {
    let mut records = Records::default();
    for provider in [custom("same"), custom("same"), Provider { r#type: "gone".into(), ..custom("c") }] {
        let provider = Provider { id: format!("p{}", records.providers.len()), ..provider };
        records.apply(Change::PutProvider(Box::new(StoredProvider { provider, credential: None })));
    }
    records.apply(Change::PutModel(Box::new(Model { id: "m".into(), ..model("nowhere", "m", "") })));
    let problems = build(records, &Snapshot::default(), &CONNECTOR.0).unwrap_err();
    let all = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(problems.len(), 3, "{all}");
    for part in ["\"same\"", "\"gone\"", "\"m\""] {
        assert!(all.contains(part), "{all}");
    }
}
