//! Every release leaves the store that it writes in `tests/stores/VERSION.sql`; each must open for ever.
//!
//! `UPDATE_FIXTURES=1` writes that of this version where there is none yet.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sluicegate::{
    proto::v1::AccessRole,
    secrets::{Credential, MasterKeys, Owner},
};
use sqlx::{ConnectOptions, Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{Bench, openai};

const SECRET: &str = "sk-of-a-released-store";
const KEY_SECRET: &str = "the-key-of-a-released-store";

fn keys() -> MasterKeys {
    MasterKeys::parse(&"2a".repeat(32)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores")
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

#[tokio::test]
async fn the_store_of_every_release_opens_and_is_understood() {
    let this = folder().join(concat!(env!("CARGO_PKG_VERSION"), ".sql"));
    if !this.exists() && std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&this, new_store().await).unwrap();
    }
    assert!(this.exists(), "UPDATE_FIXTURES=1 writes the store of this version");
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let dir = tempfile::tempdir().unwrap();
        let mut store = connect(&dir.path().join("sluicegate.db")).await;
        let sql = fs::read_to_string(&path).unwrap();
        store.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        store.close().await.unwrap();

        let bench = Bench::open_with(dir, &keys())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let snapshot = bench.state.snapshot();
        let stored = snapshot.records.providers.values().next().expect("a provider");
        assert_eq!((stored.provider.name.as_str(), stored.provider.r#type.as_str()), ("east", "openai"));
        let sealed = stored.credential.clone().expect("a credential");
        let opened = Credential::open(Owner::Provider(&stored.provider.id), &bench.sealer, &sealed).unwrap();
        assert_eq!(opened.get("apikey").unwrap().expose(), SECRET);
        let model = snapshot.records.models.values().next().expect("a model");
        assert_eq!((model.upstream_id.as_str(), model.alias.as_str()), ("m", "fast"));
        let key = &snapshot.keys[&bench.hasher.hash(KEY_SECRET.as_bytes())];
        assert_eq!((key.caller.name.as_str(), key.caller.role), ("user", AccessRole::User));
        // And it can be written to.
        bench.key("another", AccessRole::User).await;
    }
}

/// A store with one resource of each kind, as SQL.
async fn new_store() -> String {
    let bench = Bench::open_with(tempfile::tempdir().unwrap(), &keys()).await.unwrap();
    bench.provider(openai("east", SECRET)).await;
    bench.model("east", "m", "fast").await;
    bench.try_key(super::key("user", AccessRole::User), KEY_SECRET).await.unwrap();
    let dir = bench.close().await;
    let mut store = connect(&dir.path().join("sluicegate.db")).await;
    let mut sql = String::new();
    let tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name";
    for table in store.fetch_all(tables).await.unwrap() {
        let (name, create): (String, String) = (table.get("name"), table.get("sql"));
        let columns = format!(
            "SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info('{name}')"
        );
        let quoted: String = store.fetch_one(sqlx::AssertSqlSafe(columns)).await.unwrap().get(0);
        sql += &format!("{create};\n");
        for row in store.fetch_all(sqlx::AssertSqlSafe(format!("SELECT {quoted} FROM {name}"))).await.unwrap()
        {
            sql += &format!("INSERT INTO {name} VALUES ({});\n", row.get::<String, _>(0));
        }
    }
    sql
}
