//! Running the programs that render: in a folder and a home of their own, with a clean environment and limits on time,
//! memory and output.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
};

use crate::{error::RenderError, limits::Limits};

/// Bytes of complaints that are kept.
const COMPLAINTS: usize = 64 << 10;
/// Characters of them that are told.
const WORDS: usize = 4000;
/// Where nobody listens: proxies that lead there keep a program from talking to others.
const NOWHERE: &str = "http://127.0.0.1:1";
/// Variables of ours that programs need for talking to others.
const NETWORK: [&str; 8] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Where the programs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Paths by name, for those that are not to be looked for on the `PATH`.
    pub paths: BTreeMap<String, PathBuf>,
    /// Where the others are looked for, and they themselves look for `git` and others.
    pub search: OsString,
}

impl Programs {
    /// Returns the programs of the environment: `TIPHYS_HELM`, `TIPHYS_KUSTOMIZE` and `TIPHYS_JSONNET` name them, all
    /// others are on the `PATH`.
    #[must_use]
    pub fn from_environment() -> Self {
        let named = ["helm", "kustomize", "jsonnet"].into_iter().filter_map(|name| {
            let path = std::env::var_os(variable(name)).filter(|path| !path.is_empty())?;
            Some((name.to_owned(), path.into()))
        });
        Self { paths: named.collect(), search: std::env::var_os("PATH").unwrap_or_default() }
    }

    /// Returns where a program is.
    ///
    /// # Errors
    /// When it is nowhere; the error says how to change that.
    pub fn find(&self, name: &str) -> Result<PathBuf, RenderError> {
        let searched =
            || std::env::split_paths(&self.search).map(|folder| folder.join(name)).find(|path| path.is_file());
        let found = self.paths.get(name).cloned().or_else(searched);
        found.filter(|path| path.is_file()).ok_or_else(|| RenderError::Program {
            program: name.to_owned(),
            hint: format!("install it from {}, or name it with {}", home_page(name), variable(name)),
        })
    }
}

fn variable(name: &str) -> String {
    format!("TIPHYS_{}", name.to_uppercase())
}

fn home_page(name: &str) -> &'static str {
    match name {
        "helm" => "https://helm.sh/docs/intro/install",
        "kustomize" => "https://kubectl.docs.kubernetes.io/installation/kustomize",
        _ => "https://github.com/google/go-jsonnet",
    }
}

/// Whether a program may talk to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Closed,
    Open,
}

/// A program that is to be run.
#[derive(Debug)]
pub(crate) struct Run<'r> {
    pub(crate) programs: &'r Programs,
    pub(crate) program: &'static str,
    pub(crate) arguments: Vec<OsString>,
    /// Where it is run.
    pub(crate) folder: &'r Path,
    /// Its home, for nothing but this render.
    pub(crate) home: &'r Path,
    pub(crate) environment: Vec<(String, OsString)>,
    pub(crate) network: Network,
}

/// What a program said.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It did what it should.
    Well(Vec<u8>),
    /// It failed, with these words.
    Badly(String),
}

impl Run<'_> {
    /// Runs the program to its end.
    ///
    /// # Errors
    /// When it is missing, or exceeds a limit.
    pub(crate) async fn run(self, limits: &Limits) -> Result<Ended, RenderError> {
        let path = self.programs.find(self.program)?;
        let failed = |error: io::Error| RenderError::Internal(format!("{} cannot be run: {error}", path.display()));
        let child = self.command(&path).spawn().map_err(failed)?;
        let mut group = Group::new(child);
        group.limit(limits);
        let program = self.program;
        let ended = timeout(limits.program_time, group.end(program, limits)).await;
        let seconds = limits.program_time.as_secs_f32();
        ended.map_err(|_| RenderError::Time { program, seconds })?
    }

    fn command(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.args(&self.arguments).current_dir(self.folder).env_clear();
        command.env("PATH", &self.programs.search).env("HOME", self.home).env("TMPDIR", self.home.join("tmp"));
        // One that dies need not show where in its own code.
        command
            .env("GOTRACEBACK", "none")
            .env("LANG", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        for (name, folder) in [("CACHE", "cache"), ("CONFIG", "config"), ("DATA", "data")] {
            command.env(format!("XDG_{name}_HOME"), self.home.join(folder));
            command.env(format!("HELM_{name}_HOME"), self.home.join(folder).join("helm"));
        }
        if self.network == Network::Open {
            command.env("GIT_ALLOW_PROTOCOL", "https:http:ssh:git");
            command.envs(NETWORK.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        } else {
            command.env("HTTP_PROXY", NOWHERE).env("HTTPS_PROXY", NOWHERE).env("GIT_ALLOW_PROTOCOL", "none");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        command
    }
}

/// A program with all that it has started; ended when it is dropped.
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Nothing of it may be left: then this fails, which does not matter.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Group {
    fn new(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, id }
    }

    /// What it starts later has the same limits.
    fn limit(&self, limits: &Limits) {
        let limit = Rlimit { current: Some(limits.program_memory_bytes), maximum: Some(limits.program_memory_bytes) };
        if let Some(id) = self.id {
            // It may have ended already.
            let _ = prlimit(Some(id), Resource::Data, limit);
        }
    }

    async fn end(&mut self, program: &'static str, limits: &Limits) -> Result<Ended, RenderError> {
        let (output, complaints) = (self.child.stdout.take(), self.child.stderr.take());
        let lost = |error: io::Error| match error.kind() {
            io::ErrorKind::FileTooLarge => {
                RenderError::Limit { what: "the output of a program", limit: format!("{} bytes", limits.output_bytes) }
            }
            _ => RenderError::Internal(format!("`{program}` was lost: {error}")),
        };
        let max = usize::try_from(limits.output_bytes).unwrap_or(usize::MAX);
        let (output, complaints) = tokio::try_join!(whole(output, max), start(complaints)).map_err(lost)?;
        let status = self.child.wait().await.map_err(lost)?;
        // Whoever has this number from now on is somebody else.
        self.id = None;
        if status.success() {
            return Ok(Ended::Well(output));
        }
        // Some say on their output what went wrong.
        let words = words(&[&complaints[..], b"\n", &output[..output.len().min(COMPLAINTS)]].concat());
        let end = status.code().map_or_else(|| "was killed".to_owned(), |code| format!("failed exit status {code}"));
        Ok(Ended::Badly(if words.is_empty() { end } else { format!("{end}: {words}") }))
    }
}

/// What a program complained of, without the dump of its own state.
fn words(complaints: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaints);
    let end = ["\nruntime stack:", "\ngoroutine "].iter().filter_map(|dump| text.find(dump)).min();
    text[..end.unwrap_or(text.len())].trim().chars().take(WORDS).collect()
}

/// Reads everything, and fails when it is more than `max` bytes.
async fn whole(from: Option<impl AsyncRead + Unpin>, max: usize) -> io::Result<Vec<u8>> {
    let Some(from) = from else { return Ok(Vec::new()) };
    let mut read = Vec::new();
    from.take(max as u64 + 1).read_to_end(&mut read).await?;
    if read.len() > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(read) }
}

/// Reads the start, and drops the rest.
async fn start(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let Some(mut from) = from else { return Ok(Vec::new()) };
    let (mut read, mut part) = (Vec::new(), vec![0; 8 << 10]);
    loop {
        let count = from.read(&mut part).await?;
        if count == 0 {
            return Ok(read);
        }
        let wanted = count.min(COMPLAINTS - read.len());
        read.extend_from_slice(&part[..wanted]);
    }
}
