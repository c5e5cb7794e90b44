//! The servers, each a process of its own on its core: upstream, floor, nginx, gateway.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{Result, machine};

/// The key of the gateway's caller. It opens nothing but a store that is thrown away.
pub(crate) const KEY: &str = "sluicegate-bench-0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a server is asked whether it answers.
const POLL: Duration = Duration::from_micros(500);
/// Where nginx is when the path does not say.
const NGINX: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// A server that runs. Dropping it ends it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) ready: Duration,
    child: Child,
    /// Kept open: who writes to a closed pipe ends.
    _output: Option<BufReader<ChildStdout>>,
    _data: Option<TempDir>,
}

/// Starts the upstream.
pub(crate) fn start_upstream(core: usize) -> Result<Server> {
    start(core, ourselves()?.arg("upstream"), None)
}

/// Starts the floor in front of `upstream`.
pub(crate) fn start_floor(core: usize, upstream: SocketAddr) -> Result<Server> {
    start(core, ourselves()?.arg("floor").arg(upstream.to_string()), None)
}

/// The program again. It ends when we do: its standard input closes then.
fn ourselves() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.stdin(Stdio::piped());
    Ok(command)
}

/// Starts the gateway on a new store, with `models` of `upstream`.
pub(crate) fn start_gateway(
    core: usize,
    program: &Path,
    upstream: SocketAddr,
    models: &[String],
) -> Result<Server> {
    let data = TempDir::new()?;
    let seed = data.path().join("bench.seed.json");
    let provider = json!({
        "name": "bench", "type": "custom", "baseUrl": format!("http://{upstream}/v1"),
        "credential": {"inline": {"values": {"apikey": "bench-upstream-key"}}}
    });
    let mut requests = vec![json!({"createProvider": {"provider": provider}})];
    requests.extend(
        models
            .iter()
            .map(|model| json!({"createModel": {"model": {"provider": "bench", "upstreamId": model}}})),
    );
    fs::write(&seed, serde_json::to_vec(&requests)?)?;
    let mut server = start_bare_gateway(core, program, &data.path().join("store"), Some(&seed))?;
    server._data = Some(data);
    Ok(server)
}

/// Starts the gateway on the store in `data`, as operators run it: key check, store, metrics, limits and log are on, none
/// of its settings is changed.
pub(crate) fn start_bare_gateway(
    core: usize,
    program: &Path,
    data: &Path,
    seed: Option<&Path>,
) -> Result<Server> {
    fs::create_dir_all(data)?;
    let log = data.with_extension("log");
    let mut command = Command::new(program);
    command.env_clear().env("SLUICEGATE_ADMIN_KEY", KEY).stderr(File::create(&log)?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    if let Some(seed) = seed {
        command.arg("--config").arg(seed);
    }
    start(core, &mut command, Some("/readyz")).map_err(|problem| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        format!("{problem}\n{said}").into()
    })
}

/// Starts nginx in front of `upstream`, where it is installed.
pub(crate) fn start_nginx(core: usize, upstream: SocketAddr) -> Result<Option<Server>> {
    let Some(program) = NGINX.into_iter().find(|name| {
        let mut version = Command::new(name);
        version.arg("-v").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }) else {
        return Ok(None);
    };
    let data = TempDir::new()?;
    let address = free_address()?;
    let file = data.path().join("nginx.conf");
    fs::write(&file, nginx_configuration(data.path(), address, upstream))?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).arg("-p").arg(data.path()).arg("-e").arg(data.path().join("error.log"));
    let began = Instant::now();
    let child = machine::start_on(core, &mut command)?;
    let mut server = Server { address, ready: Duration::ZERO, child, _output: None, _data: Some(data) };
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > PATIENCE || server.child.try_wait()?.is_some() {
            return Err("nginx did not start".into());
        }
        std::thread::sleep(POLL);
    }
    server.ready = began.elapsed();
    Ok(Some(server))
}

/// nginx as a proxy for streams, in one process, with its pool of connections, without a log.
fn nginx_configuration(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
        master_process off;
        pid {folder}/nginx.pid;
        worker_rlimit_nofile 20000;
        events {{ worker_connections 16384; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            keepalive_requests 100000000;
            client_body_buffer_size 256k;
            client_max_body_size 32m;
            upstream bench {{ server {upstream}; keepalive 512; keepalive_requests 100000000; }}
            server {{
                listen {address} backlog=4096;
                location / {{
                    proxy_pass http://bench;
                    proxy_http_version 1.1;
                    proxy_set_header Connection \"\";
                    proxy_buffering off;
                    proxy_buffer_size 64k;
                    proxy_buffers 8 64k;
                    proxy_read_timeout 600s;
                }}
            }}
        }}
        "
    )
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.local_addr()?)
}

/// Starts a server and waits until it says where it listens, and until `path` answers.
fn start(core: usize, command: &mut Command, path: Option<&str>) -> Result<Server> {
    let began = Instant::now();
    let mut child = machine::start_on(core, command.stdout(Stdio::piped()))?;
    let mut output = child.stdout.take().map(BufReader::new);
    let found = match &mut output {
        Some(output) => listening(output),
        None => Err("it has no output".into()),
    };
    let address = match found {
        Ok(address) => address,
        Err(problem) => {
            child.kill()?;
            child.wait()?;
            return Err(format!("{} did not start: {problem}", command.get_program().display()).into());
        }
    };
    let mut server = Server { address, ready: Duration::ZERO, child, _output: output, _data: None };
    while path.is_some_and(|path| !answers(address, path)) {
        if began.elapsed() > PATIENCE {
            return Err(format!("{} is not ready", command.get_program().display()).into());
        }
        std::thread::sleep(POLL);
    }
    server.ready = began.elapsed();
    Ok(server)
}

/// The address in `listening on http://ADDRESS`.
fn listening(output: &mut impl std::io::BufRead) -> Result<SocketAddr> {
    for line in output.lines() {
        if let Some(address) = line?.strip_prefix("listening on http://") {
            return Ok(address.parse()?);
        }
    }
    Err("it ended before it listened".into())
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; b"HTTP/1.1 200".len()];
        stream.read_exact(&mut status)?;
        Ok(status == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// Does `job`, a job of the load, in a process of its own, and gives what it wrote.
pub(crate) fn run_load(core: usize, job: &str) -> Result<Vec<u8>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("load").arg(job).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = machine::start_on(core, &mut command)?.wait_with_output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned().into())
}

/// The gateway beside this program.
pub(crate) fn beside_us() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("sluicegate"))
}

// === impl Server ===

impl Server {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; the load has seen that.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
