//! The `sluicegate` program.

use std::process::ExitCode;

use clap::Parser as _;
use sluicegate::{
    app::App,
    cli::{self, Cli, Command},
    config::Config,
    error::Error,
    telemetry,
};

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&[Error::internal("could not start the runtime", error)]),
    };
    match runtime.block_on(run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail(&problems),
    }
}

async fn run(command: Command) -> Result<(), Vec<Error>> {
    let told = match command {
        Command::Serve(config) => return serve(*config).await,
        Command::Backup(asked) => cli::back_up(&asked).await,
        Command::Restore(asked) => cli::restore(&asked).await,
        Command::Health(asked) => cli::ask(&asked).await,
    };
    println!("{}", told.map_err(|error| vec![error])?);
    Ok(())
}

async fn serve(config: Config) -> Result<(), Vec<Error>> {
    telemetry::start(&config.log, config.log_format).map_err(|error| vec![error])?;
    let app = App::start(config).await?;
    if let Some(key) = app.generated_admin_key() {
        println!("administrator's API key, shown only now: {}", key.expose());
    }
    let administration = app.admin_url().map(|url| format!("administration on {url}\n"));
    // In one piece: who reads the first line may close the pipe.
    print!("{}", format!("listening on {}\n", app.url()) + &administration.unwrap_or_default());
    app.run_until_asked_to_end().await;
    Ok(())
}

fn fail(problems: &[Error]) -> ExitCode {
    for problem in problems {
        eprintln!("error: {problem}");
        if let Some(cause) = problem.cause() {
            eprintln!("  because: {cause}");
        }
    }
    ExitCode::FAILURE
}
