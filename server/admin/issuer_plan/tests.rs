use std::{collections::BTreeMap, time::UNIX_EPOCH};

use super::*;
use crate::{proto::v1::RoleMapping, state::Change};

fn issuer(name: &str, url: &str) -> Issuer {
    Issuer {
        name: name.into(),
        issuer_url: url.into(),
        audiences: vec!["sluicegate".into()],
        ..Issuer::default()
    }
}

fn good() -> Issuer {
    issuer("id", "https://id.example.com")
}

fn mapping(group: &str, role: AccessRole) -> RoleMapping {
    RoleMapping { group: group.into(), role: role.into() }
}

fn refused(issuer: Issuer, field: &str) {
    let error = create(&Records::default(), issuer, UNIX_EPOCH).expect_err(field);
    assert_eq!(error.detail().field.as_deref(), Some(field), "{error}");
    assert_eq!(error.reason(), Reason::InvalidRequest);
}

#[test]
fn what_an_operator_says_is_kept_to_the_letter() {
    let wanted = Issuer {
        issuer_url: "https://ID.example.com:443/realms/a/".into(),
        jwks_url: "http://127.0.0.1:9/keys?p=policy".into(),
        required_claims: [("account.bss".to_owned(), "0123".to_owned())].into(),
        algorithms: vec!["ES256".into(), "RS256".into()],
        roles: vec![mapping("ops", AccessRole::Admin), mapping("the auditors", AccessRole::Audit)],
        default_role: AccessRole::User.into(),
        ..good()
    };
    let made = create(&Records::default(), wanted.clone(), UNIX_EPOCH).unwrap();
    assert!(!made.id.is_empty() && !made.etag.is_empty());
    let (create_time, update_time, etag) = (made.create_time, made.update_time, made.etag.clone());
    assert_eq!(made, Issuer { id: made.id.clone(), create_time, update_time, etag, ..wanted });
}

#[test]
fn what_would_let_anybody_in_is_refused_by_its_field() {
    refused(Issuer { audiences: Vec::new(), ..good() }, "issuer.audiences");
    refused(Issuer { audiences: vec![String::new()], ..good() }, "issuer.audiences[0]");
    for role in [AccessRole::Admin, AccessRole::Manage, AccessRole::Audit] {
        refused(Issuer { default_role: role.into(), ..good() }, "issuer.default_role");
    }
    for name in ["none", "HS256", "HS512", "rs256", ""] {
        refused(Issuer { algorithms: vec![name.into()], ..good() }, "issuer.algorithms[0]");
    }
    for url in
        ["", "http://id.example.com", "id.example.com", "https://169.254.169.254", "https://a.example/?b"]
    {
        refused(issuer("id", url), "issuer.issuer_url");
    }
    for url in ["http://id.example.com/keys", "https://metadata.google.internal/keys", "file:///etc/passwd"] {
        refused(Issuer { jwks_url: url.into(), ..good() }, "issuer.jwks_url");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_by_its_field() {
    let text = |text: &str| text.to_owned();
    // A colon parts it from the subject.
    refused(issuer("a:b", "https://id.example.com"), "issuer.name");
    refused(issuer("", "https://id.example.com"), "issuer.name");
    refused(Issuer { audiences: vec![text("a"), text("a")], ..good() }, "issuer.audiences[1]");
    refused(Issuer { audiences: vec![text("a"); 65], ..good() }, "issuer.audiences");
    let claims = |path: &str, value: &str| BTreeMap::from([(text(path), text(value))]);
    refused(Issuer { required_claims: claims("", "a"), ..good() }, "issuer.required_claims");
    refused(Issuer { required_claims: claims("a", ""), ..good() }, "issuer.required_claims.a");
    refused(Issuer { roles: vec![mapping("", AccessRole::User)], ..good() }, "issuer.roles[0].group");
    refused(Issuer { roles: vec![mapping("a", AccessRole::Unspecified)], ..good() }, "issuer.roles[0].role");
    let roles = vec![mapping("a", AccessRole::User), mapping("a", AccessRole::Admin)];
    refused(Issuer { roles, ..good() }, "issuer.roles[1].group");
    let roles = (0..257).map(|number| mapping(&number.to_string(), AccessRole::User)).collect();
    refused(Issuer { roles, ..good() }, "issuer.roles");
    refused(Issuer { group_prefix: text("a b"), ..good() }, "issuer.group_prefix");
    refused(Issuer { groups_claim: "x".repeat(257), ..good() }, "issuer.groups_claim");
    refused(Issuer { ca_bundle_pem: text("no PEM"), ..good() }, "issuer.ca_bundle_pem");
    refused(Issuer { ca_bundle_pem: text("-----BEGIN PRIVATE KEY-----"), ..good() }, "issuer.ca_bundle_pem");
}

#[test]
fn names_and_urls_are_unique_and_there_are_not_too_many() {
    let mut records = Records::default();
    let first = create(&records, good(), UNIX_EPOCH).unwrap();
    records.apply(Change::PutIssuer(Box::new(first.clone())));
    for (other, field) in [
        (issuer("id", "https://other.example.com"), "issuer.name"),
        (issuer("other", "https://id.example.com"), "issuer.issuer_url"),
    ] {
        let error = create(&records, other, UNIX_EPOCH).unwrap_err();
        assert_eq!((error.reason(), error.detail().field.as_deref()), (Reason::NameTaken, Some(field)));
    }
    replace(&records, &first, good(), UNIX_EPOCH).expect("its own name and URL are not taken");
    for number in 1..MAX_ISSUERS {
        let next = issuer(&format!("n{number}"), &format!("https://id.example.com/{number}"));
        let next = create(&records, next, UNIX_EPOCH).unwrap();
        records.apply(Change::PutIssuer(Box::new(next)));
    }
    let error = create(&records, issuer("last", "https://last.example.com"), UNIX_EPOCH).unwrap_err();
    assert_eq!(error.reason(), Reason::FailedPrecondition);
}

#[test]
fn an_update_from_an_older_reading_is_refused_and_a_reconciled_issuer_stays() {
    let records = Records::default();
    let stored = create(&records, good(), UNIX_EPOCH).unwrap();
    let stale = Issuer { etag: "1-0".into(), ..good() };
    assert_eq!(replace(&records, &stored, stale, UNIX_EPOCH).unwrap_err().reason(), Reason::Conflict);
    assert_eq!(reconcile(&records, &stored, good(), UNIX_EPOCH).unwrap(), None);
    let other = Issuer { disabled: true, ..good() };
    let next = reconcile(&records, &stored, other, UNIX_EPOCH).unwrap().expect("a change");
    assert_eq!((next.id, next.disabled), (stored.id, true));
}
