//! The `sluicegate` program.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use sluicegate::{
    app::App,
    cli::{self, Cli, Command},
    config::Config,
    error::Error,
    telemetry,
};

fn main() -> ExitCode {
    let command = Cli::from_process().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&[Error::internal("could not start the runtime", error)]),
    };
    runtime.block_on(run(command))
}

async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Serve(config) => serve(*config).await,
        Command::Backup(asked) => tell(cli::back_up(&asked).await),
        Command::Restore(asked) => tell(cli::restore(&asked).await),
        Command::MasterKey(asked) => tell(cli::rotate(&asked).await),
        Command::Health(asked) => tell(cli::ask(&asked).await),
        Command::Completion(asked) => tell(Ok(cli::complete(&asked))),
        Command::Seed(asked) => cli::seed(&asked).and_then(|told| tell(Ok(told))),
        Command::Export(asked) => return asked.run().await,
        Command::Administer(asked) => return asked.run().await,
    };
    done.map_or_else(|problems| fail(&problems), |()| ExitCode::SUCCESS)
}

fn tell(told: Result<String, Error>) -> Result<(), Vec<Error>> {
    let text = told.map_err(|error| vec![error])?;
    // That nobody reads it is no failure.
    let _ = writeln!(io::stdout(), "{}", text.trim_end());
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
