//! The tenant, as watsonx clients see it.

use serde_json::{Value, json};
use sluicegate_client::v1;

use super::call;
use crate::support::{ADMIN_KEY, start_gateway, start_gateway_in};

#[tokio::test]
async fn there_is_always_one_tenant_and_its_id_stays() {
    let gateway = start_gateway().await;
    let (status, tenant) = call(&gateway, "GET", "/tenant", Value::Null).await;
    let id = tenant["id"].as_str().expect("an id").to_owned();
    assert_eq!((status, &tenant), (200, &json!({"id": id, "name": "default"})));
    let named = |name: &str| json!({"id": id, "name": name});
    for (method, body, status, name) in [
        ("POST", json!({"name": "acme", "surplus": [1]}), 201, "acme"),
        // A client that does not know whether it was heard says it again.
        ("POST", json!({"name": "acme", "surplus": [1]}), 201, "acme"),
        ("PATCH", json!({}), 200, "acme"),
        ("PATCH", json!({"name": "Acme GmbH"}), 200, "Acme GmbH"),
        ("PUT", json!({"name": "b", "secretsManager": null}), 200, "b"),
        ("PATCH", json!({"name": null}), 200, "default"),
        ("PUT", json!({"name": "b"}), 200, "b"),
        ("PUT", json!({}), 200, "default"),
        ("POST", json!({}), 201, "default"),
        ("POST", json!({"name": "c"}), 201, "c"),
    ] {
        assert_eq!(
            call(&gateway, method, "/tenant", body.clone()).await,
            (status, named(name)),
            "{method} {body}"
        );
        assert_eq!(call(&gateway, "GET", "/tenant", Value::Null).await, (200, named(name)));
    }
    assert_eq!(call(&gateway, "DELETE", "/tenant", Value::Null).await, (204, Value::Null));
    assert_eq!(call(&gateway, "GET", "/tenant", Value::Null).await, (200, named("default")));
    assert_eq!(call(&gateway, "DELETE", "/tenant", Value::Null).await.0, 204, "again");

    call(&gateway, "PUT", "/tenant", json!({"name": "kept"})).await;
    gateway.app.stop().await;
    let gateway = start_gateway_in(gateway.data, &[]).await;
    assert_eq!(call(&gateway, "GET", "/tenant", Value::Null).await, (200, named("kept")), "over a restart");
}

#[tokio::test]
async fn a_wrong_tenant_is_refused_in_the_words_of_this_api() {
    let gateway = start_gateway().await;
    for (body, param) in [
        (json!({"name": 5}), Some("name")),
        (json!({"name": {"name": "a"}}), Some("name")),
        (json!({"name": "x".repeat(129)}), Some("name")),
        (json!({"name": "x".repeat(10 << 20)}), Some("name")),
        (json!({"name": " padded "}), Some("name")),
        (json!({"name": "a\u{0}b"}), Some("name")),
        (json!({"name": "7e4a1f60-0000-4000-8000-000000000001"}), Some("name")),
        (json!({"name": "a", "secretsManager": "https://x.example"}), Some("secretsManager")),
        (
            json!({"name": "a", "remote_credential_store": {"ibm_cloud_secret_manager": {}}}),
            Some("remote_credential_store"),
        ),
        (json!([]), None),
        (json!("acme"), None),
        (Value::Null, None),
    ] {
        for method in ["POST", "PUT", "PATCH"] {
            let (status, answer) = call(&gateway, method, "/tenant", body.clone()).await;
            assert_eq!((status, answer["error"]["param"].as_str()), (400, param), "{method}: {answer}");
        }
    }
    assert_eq!(call(&gateway, "GET", "/tenant", Value::Null).await.1["name"], "default");
}

#[tokio::test]
async fn both_edges_see_the_same_tenant() {
    let gateway = start_gateway().await;
    let access = || gateway.client.access();
    let read = async || {
        let response = access().get_tenant(v1::GetTenantRequest {}).await.expect("the tenant");
        response.into_inner().tenant.expect("a tenant")
    };
    let update = async |tenant: v1::Tenant| {
        access()
            .update_tenant(v1::UpdateTenantRequest { tenant: Some(tenant) })
            .await
            .map(|response| response.into_inner().tenant.expect("a tenant"))
    };
    let first = read().await;
    assert_eq!((first.name.as_str(), &first.create_time), ("default", &None), "nobody has made it");
    assert_eq!(read().await, first, "the same at every reading");

    let labels = [("team".to_owned(), "blue".to_owned())].into();
    let updated = update(v1::Tenant { name: "acme".into(), labels, ..first.clone() }).await.expect("updated");
    assert_eq!(updated.id, first.id);
    assert_eq!(read().await, updated);
    let conflict =
        update(v1::Tenant { name: "late".into(), ..first.clone() }).await.expect_err("it has changed");
    assert_eq!(conflict.code(), tonic::Code::Aborted);

    // This API knows no labels, so it does not remove them.
    let expected = json!({"id": first.id, "name": "b"});
    assert_eq!(call(&gateway, "PUT", "/tenant", json!({"name": "b"})).await, (200, expected));
    assert_eq!(read().await.labels["team"], "blue");

    access().delete_tenant(v1::DeleteTenantRequest {}).await.expect("forgotten");
    let forgotten = read().await;
    assert_eq!((&*forgotten.name, forgotten.labels.len(), &forgotten.id), ("default", 0, &first.id));
}

#[tokio::test]
async fn every_role_reads_the_tenant_and_only_administrators_change_it() {
    let gateway = start_gateway().await;
    let user = gateway.key(v1::AccessRole::User).await;
    let manage = gateway.key(v1::AccessRole::Manage).await;
    for (key, method, status) in [
        (user.as_str(), "GET", 200),
        (&user, "PUT", 403),
        (&manage, "GET", 200),
        (&manage, "POST", 403),
        (&manage, "DELETE", 403),
        (ADMIN_KEY, "PUT", 200),
    ] {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let request = gateway.http.request(method.clone(), format!("{}/ml/gateway/v1/tenant", gateway.url));
        let request = request.header("authorization", format!("Bearer {key}")).body("{}");
        assert_eq!(request.send().await.expect("an answer").status(), status, "{method}");
    }
}
