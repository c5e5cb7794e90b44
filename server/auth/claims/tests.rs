use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::json;

use super::*;
use crate::{
    http::{Clients, Way},
    proto::v1::Issuer,
};

/// 2026-01-01.
const NOW: u64 = 1_767_225_600;

fn issuer(resource: Issuer) -> TrustedIssuer {
    let roles =
        [("admins", AccessRole::Admin), ("writers", AccessRole::Manage), ("auditors", AccessRole::Audit)];
    TrustedIssuer {
        resource: Issuer { name: "id".into(), ..resource },
        algorithms: Vec::new(),
        roles: roles.map(|(group, role)| (group.to_owned(), role)).into(),
        default_role: Some(AccessRole::User),
        client: Clients::default().get(&Way::default()).unwrap(),
        keys: Arc::default(),
    }
}

fn ours() -> TrustedIssuer {
    issuer(Issuer { audiences: vec!["ours".into(), "also ours".into()], ..Issuer::default() })
}

/// What a good token says, with other members where `changes` has them; `null` takes one away.
fn claims(changes: Value) -> Claims {
    let mut claims = json!({"iss": "https://id.example", "sub": "ann", "aud": "ours", "exp": NOW + 60});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.as_object().unwrap().clone()
}

fn judge(changes: Value, issuer: &TrustedIssuer) -> Result<Caller> {
    caller(&claims(changes), issuer, UNIX_EPOCH + Duration::from_secs(NOW))
}

fn reason(changes: Value, issuer: &TrustedIssuer) -> Reason {
    let shown = changes.to_string();
    judge(changes, issuer).expect_err(&shown).reason()
}

#[test]
fn a_token_is_good_from_its_beginning_to_its_end() {
    let ours = ours();
    for good in [
        json!({}),
        json!({"exp": NOW as f64 + 0.5}),
        json!({"nbf": NOW + 60, "iat": NOW + 60}),
        json!({"nbf": NOW - 60, "iat": NOW - 9999}),
    ] {
        judge(good.clone(), &ours).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    assert_eq!(reason(json!({"exp": NOW}), &ours), Reason::AuthenticationTokenExpired);
    for bad in [
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"exp": [NOW + 60]}),
        json!({"nbf": NOW + 61}),
        json!({"iat": NOW + 61}),
        json!({"nbf": "now"}),
    ] {
        assert_eq!(reason(bad, &ours), Reason::Unauthenticated);
    }
}

#[test]
fn a_token_for_somebody_else_is_refused() {
    let ours = ours();
    for good in [json!("also ours"), json!(["theirs", "ours"])] {
        judge(json!({"aud": good}), &ours).unwrap();
    }
    for bad in [
        json!(null),
        json!("theirs"),
        json!([]),
        json!(["our", "oursx"]),
        json!({"ours": "ours"}),
        json!([["ours"]]),
    ] {
        assert_eq!(reason(json!({"aud": bad}), &ours), Reason::Unauthenticated);
    }
}

#[test]
fn required_claims_are_found_by_path_and_compared_exactly() {
    let required = [("account.bss", "0123"), ("verified", "true"), ("https://a.example/org", "7")];
    let required = required.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    let strict = issuer(Issuer { required_claims: required, ..Issuer::default() });
    let good = json!({"aud": null, "account": {"bss": "0123"}, "verified": true, "https://a.example/org": 7});
    judge(good.clone(), &strict).unwrap();
    for (name, bad) in [
        ("account", json!({"bss": "01234"})),
        ("account", json!({"bss": ["0123"]})),
        ("account", json!("0123")),
        ("account", json!(null)),
        ("verified", json!(false)),
        ("verified", json!("True")),
        ("https://a.example/org", json!(70)),
    ] {
        let mut changed = good.clone();
        changed[name] = bad;
        assert_eq!(reason(changed, &strict), Reason::Unauthenticated, "{name}");
    }
}

#[test]
fn groups_are_a_text_or_a_list_of_texts_and_nothing_of_them_is_lost() {
    let prefixed = issuer(Issuer {
        audiences: vec!["ours".into()],
        groups_claim: "realm_access.roles".into(),
        group_prefix: "id/".into(),
        ..Issuer::default()
    });
    let groups = |given: Value| {
        judge(json!({"realm_access": {"roles": given}}), &prefixed).map(|caller| caller.groups)
    };
    assert_eq!(groups(json!("one")).unwrap(), ["id/one"]);
    assert_eq!(groups(json!(["one", "two"])).unwrap(), ["id/one", "id/two"]);
    assert!(groups(json!([])).unwrap().is_empty());
    assert!(groups(json!(null)).unwrap().is_empty());
    assert_eq!(groups(json!(vec!["x"; 256])).unwrap().len(), 256);
    for bad in [json!(vec!["x"; 257]), json!(["one", 2]), json!({"one": true}), json!(1)] {
        assert_eq!(groups(bad).unwrap_err().reason(), Reason::Unauthenticated);
    }
    // As Entra ID says of callers in many groups.
    let elsewhere =
        json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://a"}}});
    let error = judge(elsewhere, &ours()).unwrap_err();
    assert!(error.message().contains("kept elsewhere"), "{error}");
}

#[test]
fn the_widest_role_of_the_groups_counts_and_without_one_the_default() {
    let mut issuer = ours();
    let role = |groups: &[&str], issuer: &TrustedIssuer| {
        judge(json!({"groups": groups}), issuer).map(|caller| caller.role)
    };
    for (groups, expected) in [
        (&["auditors", "writers", "others"][..], AccessRole::Manage),
        (&["writers", "admins"], AccessRole::Admin),
        (&["auditors"], AccessRole::Audit),
        (&["Admins", "admins "], AccessRole::User),
        (&[], AccessRole::User),
    ] {
        assert_eq!(role(groups, &issuer).unwrap(), expected, "{groups:?}");
    }
    issuer.default_role = None;
    assert_eq!(role(&["auditors"], &issuer).unwrap(), AccessRole::Audit);
    let error = role(&["others"], &issuer).unwrap_err();
    assert_eq!(error.reason(), Reason::PermissionDenied);
    assert!(error.message().contains("issuer \"id\""), "{error}");
    // A mapping is about the group as the token names it.
    issuer.resource.group_prefix = "p:".into();
    assert_eq!(role(&["p:admins"], &issuer).unwrap_err().reason(), Reason::PermissionDenied);
    assert_eq!(role(&["admins"], &issuer).unwrap(), AccessRole::Admin);
}

#[test]
fn a_caller_is_called_by_issuer_and_subject() {
    let named =
        issuer(Issuer { audiences: vec!["ours".into()], name_claim: "email".into(), ..Issuer::default() });
    let ann = judge(json!({"email": "ann@example.com"}), &named).unwrap();
    assert_eq!((&*ann.id, &*ann.name, &*ann.issuer), ("id:ann", "ann@example.com", "id"));
    for unfit in [json!(null), json!(7), json!(" "), json!("two\nlines"), json!("x".repeat(129))] {
        assert_eq!(judge(json!({"email": unfit}), &named).unwrap().name, "ann");
    }
    for unfit in [json!(null), json!(""), json!(7), json!("x".repeat(256)), json!("a\u{7}")] {
        assert_eq!(reason(json!({"sub": unfit}), &named), Reason::Unauthenticated);
    }
}
