//! Tokens of issuers: which of them the issuer has signed, and whom they let in.
//!
//! Keys are at hand when a call comes: they are fetched when an issuer is made known, and again before they are old. A call
//! waits for them only while there are none, or when its token names a key that is not among them. The latter makes the
//! issuer be asked once in 30 s at most, whoever makes tokens up.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt as _;
use jsonwebtoken::Algorithm;

use super::{claims, jwt::Jwt, key_set};
use crate::{
    error::{Error, Reason, Result},
    state::{Caller, IssuerKey, State, TrustedIssuer},
    task::Tasks,
};

/// How often it is looked whether keys are to be fetched.
const WATCH: Duration = Duration::from_secs(1);

/// Judges tokens of issuers.
#[derive(Debug)]
pub(super) struct Issuers {
    /// What fetches keys.
    tasks: Tasks,
}

/// What a token turned out to be.
pub(super) enum Verdict {
    /// The issuer has signed it: whom it lets in, or why nobody.
    Signed(Result<Arc<Caller>>),
    /// Anybody can have made it.
    Forged(Error),
    /// It cannot be told now.
    Unknown(Error),
}

// === impl Issuers ===

impl Issuers {
    pub(super) fn new(tasks: Tasks) -> Self {
        Self { tasks }
    }

    /// Judges a token that names this issuer.
    pub(super) async fn judge(&self, jwt: &Jwt<'_>, issuer: &Arc<TrustedIssuer>, now: SystemTime) -> Verdict {
        let signed = match jwt.algorithm().filter(|algorithm| issuer.algorithms.contains(algorithm)) {
            Some(algorithm) => self.is_signed(jwt, algorithm, issuer).await,
            None => Ok(false),
        };
        match signed {
            Ok(true) => Verdict::Signed(claims::caller(&jwt.claims, issuer, now).map(Arc::new)),
            Ok(false) => {
                let message = "the token is not signed by its issuer, or not in a way that is taken here";
                Verdict::Forged(Error::new(Reason::Unauthenticated, message))
            }
            Err(error) => Verdict::Unknown(error),
        }
    }

    async fn is_signed(&self, jwt: &Jwt<'_>, by: Algorithm, issuer: &Arc<TrustedIssuer>) -> Result<bool> {
        let is_signed_by = |key: &IssuerKey| jwt.is_signed_by(&key.key, by);
        let old = issuer.keys.at_hand();
        if let Some(old) = &old {
            if let Some(key) = old.value.fitting(jwt.key_id(), by) {
                return Ok(is_signed_by(key));
            }
            // The issuer may have a new key.
            if !issuer.keys.refuse(old) {
                return Ok(false);
            }
        }
        let new = issuer.keys.get(&self.tasks, || Ok(key_set::fetch(issuer, &self.tasks))).await?;
        if old.is_some_and(|old| Arc::ptr_eq(&old, &new)) {
            return Err(key_set::unavailable());
        }
        Ok(new.value.fitting(jwt.key_id(), by).is_some_and(is_signed_by))
    }

    /// Has the keys of all issuers at hand until the gateway ends.
    pub(super) async fn keep_keys(&self, state: &State) {
        loop {
            for issuer in state.snapshot().issuers.values() {
                // Begins a fetch where one is due, and waits for none.
                let _ =
                    issuer.keys.get(&self.tasks, || Ok(key_set::fetch(issuer, &self.tasks))).now_or_never();
            }
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = tokio::time::sleep(WATCH) => {}
            }
        }
    }
}
