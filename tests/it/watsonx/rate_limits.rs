//! Rate limits, as watsonx clients keep them.

use serde_json::{Value, json};
use sluicegate_client::v1;

use super::{call, provider};
use crate::support::{TestGateway, start_gateway};

const WARNING: &str = "x-sluicegate-warning";

fn bucket(amount: i64, duration: &str) -> Value {
    json!({"amount": amount, "capacity": 4 * amount, "duration": duration})
}

/// A provider and its model, by their uuids.
async fn targets(gateway: &TestGateway) -> (String, String) {
    let provider = provider(gateway, "east", "http://127.0.0.1:9/v1").await;
    let body = json!({"id": "gpt", "alias": "team/gpt"});
    let (_, model) = call(gateway, "POST", &format!("/providers/{provider}/models"), body).await;
    (provider, model["uuid"].as_str().expect("a uuid").to_owned())
}

async fn create(gateway: &TestGateway, body: Value) -> Value {
    let (status, created) = call(gateway, "POST", "/rate-limits", body.clone()).await;
    assert_eq!(status, 201, "{body}: {created}");
    created
}

async fn list(gateway: &TestGateway) -> Vec<Value> {
    let (status, list) = call(gateway, "GET", "/rate-limits", Value::Null).await;
    assert_eq!((status, &list["object"]), (200, &json!("list")), "{list}");
    list["data"].as_array().expect("a list").clone()
}

/// What gRPC says of a limit.
async fn by_grpc(gateway: &TestGateway, uuid: &Value) -> v1::RateLimit {
    let request = v1::GetRateLimitRequest { id: uuid.as_str().expect("a uuid").to_owned() };
    let response = gateway.client.access().get_rate_limit(request).await.expect("the limit");
    response.into_inner().rate_limit.expect("a limit")
}

#[tokio::test]
async fn every_type_lives_from_create_to_delete() {
    let gateway = start_gateway().await;
    let (provider, model) = targets(&gateway).await;
    let mut all = Vec::new();
    for mut body in [
        json!({"type": "tenant", "request": bucket(10, "1m")}),
        json!({"type": "provider", "provider_uuid": provider, "token": bucket(i64::MAX / 4, "1h30m")}),
        json!({"type": "model", "model_uuid": model, "request": bucket(3, "1d"), "token": bucket(0, "1.5s")}),
    ] {
        let created = create(&gateway, body.clone()).await;
        body["uuid"] = created["uuid"].clone();
        assert_eq!(created, body, "what was sent and a uuid, and nothing else");
        let path = format!("/rate-limits/{}", created["uuid"].as_str().expect("a uuid"));
        assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, created.clone()));
        all.push(created);
    }
    assert_eq!(list(&gateway).await, all);

    // A limit is replaced as a whole, its type too. Clients send its id once more.
    let uuid = all[2]["uuid"].as_str().expect("a uuid").to_owned();
    let path = format!("/rate-limits/{uuid}");
    let body = json!({"type": "tenant", "uuid": uuid, "id": "x", "request": bucket(1, "1m30s")});
    let replaced = json!({"uuid": uuid, "type": "tenant", "request": bucket(1, "1m30s")});
    assert_eq!(call(&gateway, "PUT", &path, body).await, (200, replaced.clone()));
    assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, replaced));

    for limit in all {
        let path = format!("/rate-limits/{}", limit["uuid"].as_str().expect("a uuid"));
        assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await, (204, Value::Null));
        for (method, body) in [
            ("GET", Value::Null),
            ("DELETE", Value::Null),
            ("PUT", json!({"type": "tenant", "request": bucket(1, "1s")})),
        ] {
            let (status, answer) = call(&gateway, method, &path, body).await;
            assert_eq!((status, &answer["error"]["code"]), (404, &json!("rate_limit_not_found")), "{method}");
        }
    }
    assert!(list(&gateway).await.is_empty());
}

#[tokio::test]
async fn what_clients_spell_otherwise_is_taken() {
    let gateway = start_gateway().await;
    let (provider, model) = targets(&gateway).await;
    let request = bucket(3, "1m");
    for (body, expected) in [
        (
            json!({"type": "provider", "providerId": provider}),
            json!({"type": "provider", "provider_uuid": provider}),
        ),
        (
            json!({"type": "model", "modelId": model, "providerId": "stray", "provider_uuid": 5}),
            json!({"type": "model", "model_uuid": model}),
        ),
        (json!({"type": "model", "model_uuid": "team/gpt"}), json!({"type": "model", "model_uuid": model})),
        (
            json!({"type": "provider", "provider_uuid": "east"}),
            json!({"type": "provider", "provider_uuid": provider}),
        ),
        (json!({"type": "tenant", "modelId": model, "provider_uuid": "stray"}), json!({"type": "tenant"})),
    ] {
        let (mut body, mut expected) = (body, expected);
        (body["request"], expected["request"]) = (request.clone(), request.clone());
        body["token"] = Value::Null;
        // The older spelling of the path.
        let (status, created) = call(&gateway, "POST", "/ratelimits", body.clone()).await;
        expected["uuid"] = created["uuid"].clone();
        assert_eq!((status, &created), (201, &expected), "{body}");
        let path = format!("/ratelimits/{}", created["uuid"].as_str().expect("a uuid"));
        assert_eq!(call(&gateway, "GET", &path, Value::Null).await, (200, created.clone()));
        assert_eq!(call(&gateway, "PUT", &path, body).await, (200, created));
        assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await.0, 204);
    }
    assert_eq!(call(&gateway, "GET", "/ratelimits", Value::Null).await.1["data"], json!([]));
}

#[tokio::test]
async fn create_says_on_every_surface_that_limits_are_not_enforced() {
    let gateway = start_gateway().await;
    let body = json!({"type": "tenant", "request": bucket(1, "1m")});
    let native = json!({"rateLimit": {
        "type": "RATE_LIMIT_TYPE_TENANT", "request": {"amount": "2", "capacity": "2", "duration": "1m"},
    }});
    for (path, body) in [("/ml/gateway/v1/rate-limits", &body), ("/sluicegate/v1/rate-limits", &native)] {
        let answer = gateway.post(path, body).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{path}");
        assert!(answer.headers()[WARNING].to_str().expect("text").contains("not enforced"), "{path}");
        let listed = gateway.request("GET", path, Value::Null).send().await.expect("an answer");
        assert!(!listed.headers().contains_key(WARNING));
    }
    let bucket = v1::RateBucket { amount: 3, capacity: 3, duration: "1m".into() };
    let limit = v1::RateLimit {
        r#type: v1::RateLimitType::Tenant.into(),
        request: Some(bucket),
        ..Default::default()
    };
    let request = v1::CreateRateLimitRequest { rate_limit: Some(limit) };
    let created = gateway.client.access().create_rate_limit(request).await.expect("a limit");
    assert!(
        created.metadata().get(WARNING).expect("a warning").to_str().expect("text").contains("not enforced")
    );
}

#[tokio::test]
async fn both_edges_keep_the_same_limits() {
    let gateway = start_gateway().await;
    let (provider, model) = targets(&gateway).await;
    let body = json!({"type": "model", "model_uuid": model, "token": bucket(3, "0.5h")});
    let created = create(&gateway, body).await;
    let limit = by_grpc(&gateway, &created["uuid"]).await;
    assert_eq!(limit.r#type(), v1::RateLimitType::Model);
    assert_eq!((limit.model.as_str(), limit.provider.as_str()), (model.as_str(), ""));
    assert_eq!(limit.token, Some(v1::RateBucket { amount: 3, capacity: 12, duration: "0.5h".into() }));
    assert_eq!(limit.request, None);

    // What this API does not know stays where it replaces.
    let mut labelled = limit.clone();
    labelled.labels.insert("team".into(), "blue".into());
    (labelled.r#type, labelled.model) = (v1::RateLimitType::Provider.into(), String::new());
    labelled.provider = "east".into();
    let request = v1::UpdateRateLimitRequest { rate_limit: Some(labelled) };
    let updated = gateway.client.access().update_rate_limit(request).await.expect("it is updated");
    let updated = updated.into_inner().rate_limit.expect("a limit");
    assert_eq!((updated.provider.as_str(), updated.model.as_str()), (provider.as_str(), ""));
    let expected = json!({
        "uuid": limit.id, "type": "provider", "provider_uuid": provider, "token": bucket(3, "0.5h"),
    });
    assert_eq!(list(&gateway).await, [expected]);
    let path = format!("/rate-limits/{}", limit.id);
    let body = json!({"type": "tenant", "request": bucket(1, "1s")});
    assert_eq!(call(&gateway, "PUT", &path, body).await.0, 200);
    let replaced = by_grpc(&gateway, &created["uuid"]).await;
    assert_eq!(replaced.labels["team"], "blue");
    assert_eq!((replaced.create_time, replaced.token), (limit.create_time, None));
    assert_ne!(replaced.etag, updated.etag);
}

#[tokio::test]
async fn a_repeated_create_gives_the_first_result() {
    let gateway = start_gateway().await;
    let body = json!({"type": "tenant", "request": bucket(10, "1m")});
    let first = create(&gateway, body.clone()).await;
    assert_eq!(create(&gateway, body.clone()).await, first);
    assert_eq!(list(&gateway).await.len(), 1);
    // Several limits of one type are several limits.
    let other = create(&gateway, json!({"type": "tenant", "request": bucket(11, "1m")})).await;
    assert_ne!(other["uuid"], first["uuid"]);
    // A limit that was changed since, or that is gone, is no result of this create.
    let path = format!("/rate-limits/{}", first["uuid"].as_str().expect("a uuid"));
    assert_eq!(call(&gateway, "DELETE", &path, Value::Null).await.0, 204);
    let again = create(&gateway, body).await;
    assert_ne!(again["uuid"], first["uuid"]);
    assert_eq!(list(&gateway).await, [other, again]);
}

#[tokio::test]
async fn limits_go_with_what_they_are_about() {
    let gateway = start_gateway().await;
    let (east, model) = targets(&gateway).await;
    let (_, second) = call(&gateway, "POST", "/providers/east/models", json!({"id": "other"})).await;
    let west = provider(&gateway, "west", "http://127.0.0.1:9/v1").await;
    let request = bucket(3, "1m");
    let of = |target: Value| {
        let mut body = json!({"request": request});
        body.as_object_mut().expect("an object").extend(target.as_object().expect("an object").clone());
        create(&gateway, body)
    };
    let tenant = of(json!({"type": "tenant"})).await;
    let of_east = of(json!({"type": "provider", "provider_uuid": east})).await;
    let of_west = of(json!({"type": "provider", "provider_uuid": west})).await;
    of(json!({"type": "model", "model_uuid": model})).await;
    let of_second = of(json!({"type": "model", "model_uuid": second["uuid"]})).await;
    assert_eq!(call(&gateway, "DELETE", "/models/team/gpt", Value::Null).await.0, 204);
    assert_eq!(list(&gateway).await, [tenant.clone(), of_east, of_west.clone(), of_second]);
    assert_eq!(call(&gateway, "DELETE", "/providers/east", Value::Null).await.0, 204);
    assert_eq!(list(&gateway).await, [tenant, of_west]);
}

#[tokio::test]
async fn a_wrong_limit_is_refused_in_the_words_of_the_client() {
    let gateway = start_gateway().await;
    let (provider, _) = targets(&gateway).await;
    let with = |name: &str, value: Value| {
        let mut body = json!({"type": "tenant", "request": bucket(1, "1m")});
        body["request"][name] = value;
        body
    };
    let request = bucket(1, "1m");
    let mut cases = vec![
        (json!({"request": request}), "type"),
        (json!({"type": "user", "request": request}), "type"),
        (json!({"type": ["tenant"], "request": request}), "type"),
        (json!({"type": "tenant"}), "request"),
        (json!({"type": "tenant", "request": null, "token": null}), "request"),
        (json!({"type": "tenant", "request": bucket(0, "1m"), "token": bucket(0, "1m")}), "request"),
        (json!({"type": "tenant", "request": "10/m"}), "request"),
        (json!({"type": "tenant", "request": [request]}), "request"),
        (json!({"type": "tenant", "token": {"amount": {"amount": 1}}}), "token.amount"),
        (json!({"type": "provider", "request": request}), "provider_uuid"),
        (json!({"type": "provider", "providerId": "", "request": request}), "providerId"),
        (json!({"type": "provider", "providerId": {}, "request": request}), "providerId"),
        (json!({"type": "model", "provider_uuid": provider, "request": request}), "model_uuid"),
        (json!({"type": "model", "modelId": "", "request": request}), "modelId"),
        (json!({"type": "model", "modelId": "a", "model_uuid": "b", "request": request}), "modelId"),
        (with("duration", json!("x".repeat(10 << 20))), "request.duration"),
    ];
    for amount in
        [json!(-1), json!(1.5), json!(1.0), json!("1"), json!(true), json!(i64::MIN), json!(1_u64 << 63)]
    {
        cases.push((with("amount", amount.clone()), "request.amount"));
        cases.push((with("capacity", amount), "request.capacity"));
    }
    for duration in [
        json!(""),
        json!("1"),
        json!("m"),
        json!("1 m"),
        json!("1y"),
        json!("-1m"),
        json!("0"),
        json!("0s"),
        json!("0.1ns"),
        json!("366d1ns"),
        json!("9000h"),
        json!("2562048h"),
        json!("1e3s"),
        json!(60),
        json!(null),
        json!("9".repeat(60) + "s"),
        json!("1s".repeat(40)),
        json!("１s"),
        json!("1m\u{0}"),
        json!("'; DROP TABLE x; --"),
    ] {
        cases.push((with("duration", duration), "request.duration"));
    }
    for (body, param) in cases {
        for (method, path) in [("POST", "/rate-limits"), ("POST", "/ratelimits")] {
            let (status, answer) = call(&gateway, method, path, body.clone()).await;
            let said = &answer.to_string();
            assert!(said.len() < 1000, "{} bytes", said.len());
            assert_eq!((status, answer["error"]["param"].as_str()), (400, Some(param)), "{said}");
        }
    }
    for (body, code, param) in [
        (json!({"type": "provider", "providerId": "nope"}), "provider_not_found", "providerId"),
        (json!({"type": "model", "model_uuid": "nope"}), "model_not_found", "model_uuid"),
    ] {
        let mut body = body;
        body["request"] = bucket(1, "1m");
        let (status, answer) = call(&gateway, "POST", "/rate-limits", body).await;
        let error = &answer["error"];
        assert_eq!((status, &error["code"], &error["param"]), (404, &json!(code), &json!(param)), "{answer}");
    }
    assert!(list(&gateway).await.is_empty());
}

#[tokio::test]
async fn ten_megabytes_of_what_nobody_asks_for_do_no_harm() {
    let gateway = start_gateway().await;
    let mut body = json!({"type": "tenant", "request": bucket(1, "1m")});
    body["surplus"] = "x".repeat(10 << 20).into();
    create(&gateway, body).await;
    let (status, answer) = call(&gateway, "POST", "/rate-limits", json!("x".repeat(10 << 20))).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("invalid_request")));
}
