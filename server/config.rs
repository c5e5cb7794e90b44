//! Process settings: flags and their environment twins, read once.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use crate::secret::Secret;

/// What the list of flags cannot tell.
pub const SECRETS_HELP: &str = "\
Secrets, from the environment only:
  SLUICEGATE_ADMIN_KEY        API key of the administrator, 16 to 256 visible ASCII characters
                              [default: one is made and printed at the first start]
  SLUICEGATE_MASTER_KEY       32 bytes as hexadecimal digits or base64, with which stored credentials are sealed;
                              \"2:NEW,1:OLD\" for one start brings a new one in [default: made in the data directory]
  SLUICEGATE_MASTER_KEY_FILE  a file that holds it";

/// Settings of the gateway's process. Everything that may change while it runs is a resource instead.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Address and port on which gRPC, gRPC-Web and REST are served.
    #[arg(long, env = "SLUICEGATE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Address and port for administration; the other one then serves calls and the list of models only. Default: one for
    /// everything.
    #[arg(long, env = "SLUICEGATE_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,

    /// Whether and how connections are encrypted.
    #[command(flatten)]
    pub tls: TlsSettings,

    /// Folder of the store and of generated keys; made if it is not there.
    #[arg(long, env = "SLUICEGATE_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// Seed file: a list of administration requests in YAML or JSON that are applied at start, as often as you like, and
    /// whenever the file changes, or at SIGHUP.
    #[arg(long, env = "SLUICEGATE_CONFIG")]
    pub config: Option<PathBuf>,

    /// Make ready-made providers of the keys in the environment (`OPENAI_API_KEY` and the like), with all their models.
    #[arg(long, env = "SLUICEGATE_PROVIDERS_FROM_ENV")]
    pub providers_from_env: bool,

    /// What credentials may refer to on this machine.
    #[command(flatten)]
    pub references: ReferenceSettings,

    /// Browser origin that may call over gRPC-Web or REST, e.g. `https://console.example.org`, or `*` for any. Repeat,
    /// or separate by commas. Default: none.
    #[arg(long = "cors-origin", env = "SLUICEGATE_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,

    /// Do not serve `/metrics`.
    #[arg(long, env = "SLUICEGATE_NO_METRICS")]
    pub no_metrics: bool,

    /// How long calls in flight may go on after the process was asked to end, in seconds.
    #[arg(long = "grace-seconds", env = "SLUICEGATE_GRACE_SECONDS", default_value = "30", value_parser = seconds)]
    pub grace: Duration,

    /// How long an upstream may take until the first content of a stream, in seconds.
    #[arg(long = "first-token-seconds", env = "SLUICEGATE_FIRST_TOKEN_SECONDS", default_value = "300", value_parser = seconds)]
    pub first_token_limit: Duration,

    /// How long an upstream may be silent within a stream, in seconds.
    #[arg(long = "idle-seconds", env = "SLUICEGATE_IDLE_SECONDS", default_value = "120", value_parser = seconds)]
    pub idle_limit: Duration,

    /// How long a call may take altogether, in seconds.
    #[arg(long = "total-seconds", env = "SLUICEGATE_TOTAL_SECONDS", default_value = "600", value_parser = seconds)]
    pub total_limit: Duration,

    /// Calls to models that may be in flight at once; further ones are told to come again. Administration, health and
    /// metrics are not counted.
    #[arg(long, env = "SLUICEGATE_MAX_CALLS", default_value = "10000")]
    pub max_calls: NonZeroUsize,

    /// Connections that may be open at once on each address; further ones are closed.
    #[arg(long, env = "SLUICEGATE_MAX_CONNECTIONS", default_value = "20000")]
    pub max_connections: NonZeroUsize,

    /// File that every event of the audit log is appended to, as a line of JSON; opened anew at SIGHUP. Default: none.
    #[arg(long, env = "SLUICEGATE_AUDIT_FILE")]
    pub audit_file: Option<PathBuf>,

    /// Days that events stay in the audit log of the store; 0: for ever.
    #[arg(long, env = "SLUICEGATE_AUDIT_DAYS", default_value = "365")]
    pub audit_days: u32,

    /// Form of the log on standard error.
    #[arg(long, env = "SLUICEGATE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged, as `level` or `target=level,...`. Of libraries, `info` and above at most: below that they tell what
    /// they send, secrets included.
    #[arg(long, env = "SLUICEGATE_LOG", default_value = "info")]
    pub log: String,

    /// Secrets, which flags cannot give: other users of the machine can see flags.
    #[arg(skip = Secrets::from_environment())]
    pub secrets: Secrets,
}

/// Whether and how connections are encrypted. Without any of these, they are not.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsSettings {
    /// File of the certificate for TLS and its chain, in PEM; needs the key. Both are read anew when they change, or at
    /// SIGHUP.
    #[arg(long, env = "SLUICEGATE_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// File of the private key for TLS, in PEM.
    #[arg(long, env = "SLUICEGATE_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Make a certificate for TLS, for a first try; clients trust it by the file `tls/cert.pem` of the data directory.
    #[arg(long, env = "SLUICEGATE_TLS_SELF_SIGNED")]
    pub tls_self_signed: bool,
}

/// What the credentials of providers and secret managers may refer to on this machine.
#[derive(Clone, Debug, Default, Args)]
pub struct ReferenceSettings {
    /// Variable of the environment that credentials may refer to as `env:NAME`, or the beginning of several, ending in
    /// `*`. Repeat, or separate by commas. Those that begin with `SLUICEGATE_` are never given. Default: none.
    #[arg(long = "secret-env", env = "SLUICEGATE_SECRET_ENV", value_delimiter = ',')]
    pub secret_env: Vec<String>,

    /// Folder of the files that credentials may refer to as `file:PATH`; read again when they change. Default: none.
    #[arg(long, env = "SLUICEGATE_SECRET_FILES")]
    pub secret_files: Option<PathBuf>,
}

/// Secret settings, from the environment only.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// `SLUICEGATE_ADMIN_KEY`: API key of the bootstrap administrator, 16 or more visible ASCII characters.
    pub admin_key: Option<Secret>,
    /// `SLUICEGATE_MASTER_KEY`: seals stored credentials.
    pub master_key: Option<Secret>,
    /// `SLUICEGATE_MASTER_KEY_FILE`: a file that holds it.
    pub master_key_file: Option<PathBuf>,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// A variable of the environment that no setting above stands for: keys of ready-made providers and `${NAME}` in seed
/// files. Empty counts as not set.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Seconds, also fractions of one.
///
/// # Errors
/// When it is no number above 0.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "give a number of seconds above 0".to_owned())
}

// === impl Secrets ===

impl Secrets {
    /// Those of the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            admin_key: variable("SLUICEGATE_ADMIN_KEY").map(Secret::new),
            master_key: variable("SLUICEGATE_MASTER_KEY").map(Secret::new),
            master_key_file: variable("SLUICEGATE_MASTER_KEY_FILE").map(PathBuf::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::{Config, SECRETS_HELP};

    #[test]
    fn help_lists_every_setting() {
        let mut serve = Config::augment_args(clap::Command::new("serve")).after_help(SECRETS_HELP);
        let help = serve.render_long_help().to_string();
        let source = include_str!("config.rs");
        let names = source.split('"').filter(|text| text.starts_with("SLUICEGATE_"));
        for name in names.filter(|name| *name != "SLUICEGATE_") {
            assert!(help.contains(name), "{name} is not in:\n{help}");
        }
    }
}
