//! The token with which a Vault is asked: found out about or fetched, renewed, and fetched again.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

use super::server::Server;
use crate::{
    error::{Error, Reason, Result},
    renewal::{Fresh, Kept, Renewed},
    secret::Secret,
    secrets::{Credential, redact},
    task::Tasks,
};

/// No token is used for longer without a word from the server about it.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);
/// So much less than the server says can be left: it tells whole seconds.
const ROUNDING: Duration = Duration::from_millis(500);
/// A token is looked after no more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// And so long after the server gave no answer.
const OUTAGE_PAUSE: Duration = Duration::from_secs(10);

/// A credential at a server, and the token that comes of it.
#[derive(Debug)]
pub(super) struct Session {
    server: Arc<Server>,
    own: Credential,
    proof: Proof,
    token: Arc<Renewed<Token>>,
    /// Whether a task looks after the token.
    is_kept: AtomicBool,
}

/// What the gateway shows for itself.
#[derive(Debug)]
enum Proof {
    Token(Secret),
    AppRole { role_id: Secret, secret_id: Secret },
}

/// A token that the server takes.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Secret,
    is_renewable: bool,
    /// Its life when it was made.
    granted: Duration,
}

/// The answer to a login or a renewal.
#[derive(Deserialize)]
struct Granted {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: String,
    /// Whole seconds.
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

/// The answer to a look-up.
#[derive(Deserialize)]
struct Found {
    data: Lookup,
}

#[derive(Deserialize)]
struct Lookup {
    /// Whole seconds.
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

// === impl Session ===

impl Session {
    pub(super) fn new(server: Arc<Server>, own: &Credential) -> Result<Self> {
        let secret = |name| own.get(name).cloned();
        let proof = match (secret("token"), secret("role_id"), secret("secret_id")) {
            (Some(token), _, _) => Proof::Token(token),
            (None, Some(role_id), Some(secret_id)) => Proof::AppRole { role_id, secret_id },
            (None, _, _) => {
                let message = "the vault's credential has no token and no role_id with its secret_id; give one of the two";
                return Err(Error::new(Reason::SecretNotReadable, message));
            }
        };
        let (own, token) = (own.clone(), Arc::default());
        Ok(Self { server, own, proof, token, is_kept: AtomicBool::new(false) })
    }

    /// Whether it was begun with this credential.
    pub(super) fn is_of(&self, own: &Credential) -> bool {
        self.own.same_as(own)
    }

    /// A token, at once where one holds.
    pub(super) async fn token(self: &Arc<Self>, tasks: &Tasks) -> Result<Arc<Kept<Token>>> {
        let kept = self.held(tasks).await?;
        // Nobody may ask again before the token ends.
        if kept.value.is_renewable && !self.is_kept.swap(true, Ordering::Relaxed) {
            tasks.spawn(look_after(Arc::downgrade(self), tasks.clone()));
        }
        Ok(kept)
    }

    /// The server refused something with this token. `false`: it would refuse it with another one as well.
    pub(super) fn refuse(&self, token: &Arc<Kept<Token>>) -> bool {
        self.token.refuse(token)
    }

    async fn held(self: &Arc<Self>, tasks: &Tasks) -> Result<Arc<Kept<Token>>> {
        self.token.get(tasks, || Ok(Arc::clone(self).fetch())).await
    }

    async fn fetch(self: Arc<Self>) -> Result<Fresh<Token>> {
        let fetched = match self.token.kept().filter(|kept| kept.value.is_renewable) {
            Some(held) => self.live_on(&held.value).await,
            None => self.begin().await,
        };
        fetched.map_err(|error| {
            let known: Vec<_> = self.token.known().collect();
            let tokens = known.iter().map(|kept| &kept.value.secret);
            redact(error, self.own.iter().map(|(_, secret)| secret).chain(tokens))
        })
    }

    /// The token with a longer life, or another one where it has reached its end.
    async fn live_on(&self, held: &Token) -> Result<Fresh<Token>> {
        match self.renew(held).await {
            // Near the longest life that its token may have each renewal gives less.
            Ok(short) if short.life < held.granted / 2 => self.begin().await.or(Ok(short)),
            Ok(fresh) => Ok(fresh),
            // Past that life the answer is 500, so it need not be an outage.
            Err(_) => self.begin().await,
        }
    }

    async fn renew(&self, held: &Token) -> Result<Fresh<Token>> {
        let answer = self.server.renew(&held.secret).await?;
        let Granted { auth } = read(answer.given("the renewal of its token")?)?;
        let granted = held.granted.max(Duration::from_secs(auth.lease_duration)).min(LONGEST_LIFE);
        Ok(fresh(held.secret.clone(), auth.renewable, auth.lease_duration, Some(granted)))
    }

    async fn begin(&self) -> Result<Fresh<Token>> {
        match &self.proof {
            Proof::Token(token) => {
                let answer = self.server.look_up(token).await?;
                // A token may be allowed to read secrets and not to ask about itself. Reading will tell.
                if answer.status() == StatusCode::FORBIDDEN {
                    return Ok(fresh(token.clone(), false, 0, None));
                }
                let Found { data } = read(answer.given("a look at the gateway's token")?)?;
                let found = fresh(token.clone(), data.renewable, data.ttl, None);
                // Nobody knows how much of its life had passed.
                if data.renewable { self.renew(&found.value).await.or(Ok(found)) } else { Ok(found) }
            }
            Proof::AppRole { role_id, secret_id } => {
                let answer = self.server.log_in(role_id, secret_id).await?;
                let Granted { auth } = read(answer.given("the login with role_id and secret_id")?)?;
                Ok(fresh(Secret::new(auth.client_token), auth.renewable, auth.lease_duration, None))
            }
        }
    }
}

/// Keeps the token alive as long as somebody has the session.
async fn look_after(session: Weak<Session>, tasks: Tasks) {
    while let Some(session) = session.upgrade() {
        let pause = match session.held(&tasks).await {
            Ok(kept) if kept.value.is_renewable => kept.renewed_in().max(SHORTEST_PAUSE),
            Err(error) if error.is_outage() => OUTAGE_PAUSE,
            ended => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "the gateway's token for a vault has ended");
                }
                // The next read that gets a token goes on.
                session.is_kept.store(false, Ordering::Relaxed);
                return;
            }
        };
        drop(session);
        tokio::select! {
            () = tasks.stopping() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn fresh(secret: Secret, is_renewable: bool, seconds: u64, granted: Option<Duration>) -> Fresh<Token> {
    // Zero is for ever, or what is left of a last second.
    let is_for_ever = seconds == 0 && !is_renewable;
    let left = Duration::from_secs(seconds).saturating_sub(ROUNDING);
    let life = if is_for_ever { LONGEST_LIFE } else { left.min(LONGEST_LIFE) };
    let token = Token { secret, is_renewable, granted: granted.unwrap_or(life) };
    Fresh { value: token, life, stale: Duration::ZERO }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|_| {
        let message = "the vault answered with something that holds no token; is its address right?";
        Error::new(Reason::SecretNotReadable, message)
    })
}
