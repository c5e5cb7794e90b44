//! The whole bench, in order: start the servers, let each do each piece of work in turn, look at what they need, report.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use tempfile::TempDir;

use crate::{
    Options, Result,
    load::{self, Job, Outcome, Protocol},
    machine::{self, Cores, Machine},
    plan::{self, Column, Effort, Figure, Item, Target},
    process::{self, Server},
    readings::resident,
    report::Report,
    rows::{self, Row, Run},
};

/// What all of it is done with.
struct Bench {
    cores: Cores,
    effort: Effort,
    gateway: PathBuf,
    upstream: Server,
    /// Models that the gateway must know.
    models: Vec<String>,
}

/// The proxies that run side by side; one works at a time.
struct Proxies {
    floor: Server,
    nginx: Option<Server>,
    gateway: Server,
}

/// Measures, prints the table, and writes the JSON.
#[expect(clippy::disallowed_methods, reason = "the report says when it was made; nothing is decided by it")]
pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) {
        return Err("this is a debug build: use `make bench`, or `cargo run --release`".into());
    }
    let machine = Machine::describe()?;
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let began = Instant::now();
    let bench = Bench::start(options)?;
    let wanted = |item: &Item| item.name.contains(&options.only);
    let (mut rows, mut runs) = (Vec::new(), Vec::new());
    let proxies = bench.start_proxies()?;
    for item in plan::items(&bench.effort).iter().filter(|item| wanted(item)) {
        for _ in 0..bench.effort.rounds {
            for by in item.by {
                runs.extend(bench.measure(item, *by, &proxies));
            }
        }
        rows.extend(rows::of_item(item, &runs));
        progress(item.name, began);
    }
    let nginx = proxies.nginx.is_some();
    drop(proxies);
    let held = plan::held();
    if wanted(&held) {
        for _ in 0..bench.effort.fresh_rounds {
            for by in held.by {
                // Fresh processes, because memory that was given back is not always seen to be.
                runs.extend(bench.measure(&held, *by, &bench.start_proxies()?));
            }
        }
        rows.extend(rows::of_item(&held, &runs));
        progress(held.name, began);
    }
    if options.only.is_empty() {
        rows.extend(bench.footprint()?);
    }
    let (cores, effort) = (bench.cores, bench.effort);
    let report = Report { time, machine: &machine, cores, effort, nginx, rows: &rows, runs: &runs };
    report.print();
    report.write(&options.json)?;
    println!("\nwritten to {} after {} s", options.json.display(), began.elapsed().as_secs());
    Ok(())
}

fn progress(what: &str, began: Instant) {
    println!("{:>4} s  {what}", began.elapsed().as_secs());
    // Where it cannot be shown, nothing is lost.
    drop(std::io::stdout().flush());
}

// === impl Bench ===

impl Bench {
    fn start(options: &Options) -> Result<Self> {
        let gateway = options.gateway.clone().map_or_else(process::beside_us, Ok)?;
        machine::allow_open_files()?;
        let cores = Cores::choose()?;
        let effort = if options.quick { Effort::QUICK } else { Effort::WHOLE };
        let mut models: Vec<String> =
            plan::items(&effort).iter().chain([&plan::held()]).map(|item| item.work.ask().model()).collect();
        models.push(load::FIRST.model());
        models.sort();
        models.dedup();
        let upstream = process::start_upstream(cores.upstream)?;
        Ok(Self { cores, effort, gateway, upstream, models })
    }

    fn start_proxies(&self) -> Result<Proxies> {
        let (core, upstream) = (self.cores.served, self.upstream.address);
        Ok(Proxies {
            floor: process::start_floor(core, upstream)?,
            nginx: process::start_nginx(core, upstream)?,
            gateway: process::start_gateway(core, &self.gateway, upstream, &self.models)?,
        })
    }

    /// Lets `by` do the work once. `None` where it is not installed.
    fn measure(&self, item: &Item, by: Column, proxies: &Proxies) -> Option<Run> {
        let (server, protocol) = match by {
            Column::Direct => (&self.upstream, Protocol::Rest),
            Column::Floor => (&proxies.floor, Protocol::Rest),
            Column::Nginx => (proxies.nginx.as_ref()?, Protocol::Rest),
            Column::Rest => (&proxies.gateway, Protocol::Rest),
            Column::Grpc => (&proxies.gateway, Protocol::Grpc),
        };
        let job = Job {
            server: load::Server {
                address: server.address,
                protocol,
                key: process::KEY.to_owned(),
                served: server.id(),
                upstream: self.upstream.id(),
            },
            cores: self.cores,
            work: item.work,
            warm: self.effort.warm,
            window: self.effort.window,
        };
        let outcome = self.work(&job).map_err(|problem| problem.to_string());
        Some(Run { item: item.name, by, outcome })
    }

    fn work(&self, job: &Job) -> Result<Outcome> {
        let found = process::run_load(self.cores.load, &serde_json::to_string(job)?)?;
        Ok(serde_json::from_slice(&found)?)
    }

    /// What the gateway needs without any load, and the floor beside it.
    fn footprint(&self) -> Result<Vec<Row>> {
        let (mut new, mut same, mut idle, mut floor_ready, mut floor_idle) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.effort.starts {
            let folder = TempDir::new()?;
            let store = folder.path().join("store");
            new.push(Ok(self.start_bare(&store)?.0));
            let (ready, resident) = self.start_bare(&store)?;
            same.push(Ok(ready));
            idle.push(Ok(resident));
            let floor = process::start_floor(self.cores.served, self.upstream.address)?;
            floor_ready.push(Ok(milliseconds(&floor)));
            floor_idle.push(Ok(megabytes(resident_of(&floor)?)));
        }
        let size = megabytes(std::fs::metadata(&self.gateway)?.len());
        let row = |figure, target, rest, floor: Option<Vec<rows::Cell>>| {
            let columns = [(Column::Floor, floor.unwrap_or_default()), (Column::Rest, rest)];
            let cells = columns.into_iter().filter_map(|(by, values)| Some((by, rows::middle(values)?)));
            Row { item: "gateway", figure, cells: cells.collect(), target }
        };
        Ok(vec![
            row(Figure::ReadyNewStore, Some(Target::AtMost(100.0)), new, Some(floor_ready.clone())),
            row(Figure::ReadySameStore, Some(Target::AtMost(100.0)), same, Some(floor_ready)),
            row(Figure::IdleMemory, Some(Target::AtMost(25.0)), idle, Some(floor_idle)),
            row(Figure::BinarySize, Some(Target::AtMost(40.0)), vec![Ok(size)], None),
        ])
    }

    /// Milliseconds until a bare gateway is ready, and the megabytes that it holds then.
    fn start_bare(&self, store: &Path) -> Result<(f64, f64)> {
        let server = process::start_bare_gateway(self.cores.served, &self.gateway, store, None)?;
        Ok((milliseconds(&server), megabytes(resident_of(&server)?)))
    }
}

fn resident_of(server: &Server) -> Result<u64> {
    resident(server.id())
}

fn milliseconds(server: &Server) -> f64 {
    server.ready.as_secs_f64() * 1e3
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
