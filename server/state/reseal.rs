//! Sealing anew with the newest version of the master key.

use std::sync::Arc;

use super::{
    Connector, rows, seals,
    writer::{Opened, Writer},
};
use crate::{
    clock::Clock,
    error::{Error, Reason, Result},
    secrets::Sealer,
    store::{Row, Store, Write},
    task::Tasks,
};

/// Proves that the master key fits the store, of which nothing changes.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when it does not.
pub async fn prove(store: &Store, sealer: &Sealer) -> Result<()> {
    let (_, own) = rows::read(store.load().await?)?;
    seals::open(&own, sealer).map(drop)
}

/// Seals every secret of a store anew that an older version of the master key has sealed, in one commit, and proves that
/// the newest version opens all of them. Returns how many were sealed anew, and the store, which stays locked.
///
/// # Errors
/// [`Reason::FailedPrecondition`] when the master key does not fit the store. Those of the store. The older versions are
/// needed still, then.
pub async fn reseal(store: Store, sealer: Arc<Sealer>, clock: Clock) -> Result<(usize, Store)> {
    let connector = Connector::new(Arc::clone(&sealer));
    let Opened { mut writer, .. } = Writer::open(store, connector, clock, Tasks::default()).await?;
    let mut loaded = writer.store.load().await?;
    let writes = anew(&mut loaded.rows, &sealer)?;
    if !writes.is_empty() {
        let revision = loaded.revision + 1;
        let event = writer.own_event("Reseal", told(&writes));
        let appended = writer.log.append(vec![event], revision);
        writer.commit(&writes, revision, appended).await?;
    }
    for row in writer.store.load().await?.rows {
        let Some(sealed) = rows::sealed(&row) else { continue };
        if sealer.is_stale(&sealed) {
            let message = format!("the secret of {} is still sealed with an older master key", bound(&row));
            return Err(Error::new(Reason::Internal, message));
        }
        sealer.open(&bound(&row), &sealed)?;
    }
    Ok((count(&writes), writer.store))
}

/// What the audit log says of it.
pub(super) fn told(writes: &[Write]) -> String {
    format!("{} secrets were sealed with the newest master key", count(writes))
}

/// Seals the secrets of these rows anew where an older version has sealed them. Returns what to write.
pub(super) fn anew(rows: &mut [Row], sealer: &Sealer) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    for row in rows {
        let Some(old) = rows::sealed(row).filter(|sealed| sealer.is_stale(sealed)) else { continue };
        if row.kind == rows::OWN && seals::is_check(&row.id) {
            writes.push(Write::Delete { kind: rows::OWN, id: row.id.clone() });
            continue;
        }
        let new = sealer.seal(&bound(row), &sealer.open(&bound(row), &old)?)?;
        *row = Row { secret: Some(new.bytes.to_vec()), key_version: Some(new.key_version), ..row.clone() };
        writes.push(Write::Put(row.clone()));
    }
    Ok(writes)
}

fn count(writes: &[Write]) -> usize {
    writes.iter().filter(|write| matches!(write, Write::Put(_))).count()
}

/// What a row's secret is bound to.
fn bound(row: &Row) -> String {
    format!("{}/{}", row.kind, row.id)
}
