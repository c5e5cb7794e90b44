//! The load bench of Sluicegate: what the gateway costs above a plain proxy on this machine. See `benches/README.md`.

mod figures;
mod floor;
mod http1;
mod load;
mod machine;
mod plan;
mod process;
mod proof;
mod readings;
mod report;
mod rows;
mod run;
mod script;
mod upstream;

use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;

/// Why something could not be done, in words.
type Problem = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Problem> = std::result::Result<T, E>;

#[derive(Debug, Parser)]
#[command(version, about = "What the gateway costs above a plain proxy on this machine")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure, and print the table.
    Run(Options),
    /// Be the upstream.
    #[command(hide = true)]
    Upstream,
    /// Be the plain proxy.
    #[command(hide = true)]
    Floor { upstream: SocketAddr },
    /// Do one job and print what it found out.
    #[command(hide = true)]
    Load { job: String },
}

/// What to measure.
#[derive(Debug, Args)]
struct Options {
    /// The gateway's release binary [default: the one beside this program].
    #[arg(long)]
    gateway: Option<PathBuf>,

    /// Where the figures are written as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,

    /// One short round of each: a minute and a half, and less to rely on.
    #[arg(long)]
    quick: bool,

    /// Measure only work whose name holds this text.
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Upstream => serve(upstream::serve),
        Command::Floor { upstream } => serve(|listener| floor::serve(listener, upstream)),
        Command::Load { job } => load(&job),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until the program that started us is gone: our standard input closes with it. Says where once it does.
fn serve<F: Future<Output = Result<()>>>(server: impl FnOnce(TcpListener) -> F) -> Result<()> {
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("listening on http://{}", listener.local_addr()?);
        server(listener).await
    })
}

fn load(job: &str) -> Result<()> {
    let outcome = block_on(load::run(&serde_json::from_str(job)?))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// One thread: every process of the bench has one core.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
