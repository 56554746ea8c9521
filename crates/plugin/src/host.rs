//! The processes of all plugins.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prost::Message;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::{
    error::PluginError,
    grpc::{Channel, GrpcError, Method},
    install::InstallError,
    process::Process,
};

/// How to start a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Name, as Rollouts have it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Arguments.
    pub args: Vec<String>,
}

/// What a plugin may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Until it serves.
    pub start: Duration,
    /// For a call.
    pub call: Duration,
    /// Bytes of an answer.
    pub max_message: usize,
    /// Pause after the first failure; it doubles.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            call: Duration::from_secs(30),
            max_message: 4 << 20,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// Keeps one process a plugin. Cheap to clone; when the last clone goes, so do the processes.
#[derive(Debug, Clone)]
pub struct Host {
    sockets: PathBuf,
    limits: Limits,
    slots: Arc<Mutex<Slots>>,
}

/// All plugins.
#[derive(Debug, Default)]
struct Slots {
    by_name: BTreeMap<String, Arc<Slot>>,
    /// Of sockets so far.
    count: u64,
}

/// One plugin.
#[derive(Debug)]
struct Slot {
    /// The plugin's name for people.
    name: String,
    launch: Result<Launch, InstallError>,
    socket: PathBuf,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    /// Counts processes, so that a failed call ends the one that it was made to.
    generation: u64,
    failures: u32,
    rest: Option<(Instant, String)>,
}

impl Host {
    /// Returns a host without plugins; `sockets` is a folder for sockets, short (a socket's path has 107 bytes at most) and
    /// closed to others.
    #[must_use]
    pub fn new(sockets: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { sockets: sockets.into(), limits, slots: Arc::default() }
    }

    /// Replaces the plugins. Those that are started in the same way go on; the others end, or start at their next call.
    /// Metric, step and traffic plugins may share a name: give them keys that tell them apart.
    pub fn set(&self, plugins: BTreeMap<String, Result<Launch, InstallError>>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut former = std::mem::take(&mut slots.by_name);
        for (key, launch) in plugins {
            let same = former.remove(&key).filter(|slot| slot.launch == launch);
            let slot = same.unwrap_or_else(|| {
                slots.count += 1;
                let socket = self.sockets.join(format!("{}.sock", slots.count));
                let name = launch.as_ref().map_or_else(|_| key.clone(), |launch| launch.name.clone());
                Arc::new(Slot { name, launch, socket, state: tokio::sync::Mutex::default() })
            });
            slots.by_name.insert(key, slot);
        }
    }

    /// Calls a plugin, starting it if need be.
    ///
    /// # Errors
    /// Always within the limits of time: see [`PluginError`].
    pub async fn call<Q: Message, A: Message + Default>(
        &self,
        plugin: &str,
        method: Method,
        request: &Q,
    ) -> Result<A, PluginError> {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).by_name.get(plugin).cloned();
        let slot = slot.ok_or_else(|| PluginError::NotConfigured(plugin.to_owned()))?;
        let (mut channel, generation) = slot.channel(&self.limits).await?;
        let called = timeout(self.limits.call, channel.call(method, request, self.limits.call)).await;
        let (name, limit) = (slot.name.clone(), self.limits.call);
        match called {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) if source.is_status() => Err(PluginError::Call { name, method: method.name, source }),
            Ok(Err(source)) => {
                let error = PluginError::Call { name, method: method.name, source: source.clone() };
                Err(slot.fail(generation, error, &source, &self.limits).await)
            }
            Err(_) => {
                let error = PluginError::Timeout { name, method: method.name, limit };
                let source = GrpcError::Nonsense(String::new());
                Err(slot.fail(generation, error, &source, &self.limits).await)
            }
        }
    }
}

impl Slot {
    /// Returns the connection to a process that serves, and the number of that process.
    async fn channel(&self, limits: &Limits) -> Result<(Channel, u64), PluginError> {
        let launch = self
            .launch
            .as_ref()
            .map_err(|source| PluginError::NotInstalled { name: self.name.clone(), source: source.clone() })?;
        let mut state = self.state.lock().await;
        if let Some(process) = &mut state.process
            && let Some(status) = process.ended()
        {
            let error = process.exited(&self.name, status).await;
            state.end(&error, limits);
            return Err(error);
        }
        if let Some(process) = &state.process {
            return Ok((process.channel.clone(), state.generation));
        }
        if let Some((until, reason)) = &state.rest
            && *until > Instant::now()
        {
            let after = until.duration_since(Instant::now());
            return Err(PluginError::Resting { name: self.name.clone(), after, reason: reason.clone() });
        }
        state.generation += 1;
        match Process::start(launch, &self.socket, limits).await {
            Ok(process) => {
                let channel = process.channel.clone();
                state.process = Some(process);
                Ok((channel, state.generation))
            }
            Err(error) => {
                state.end(&error, limits);
                Err(error)
            }
        }
    }

    /// Ends the process that a failed call was made to. A broken connection of a process that ended is told as its end.
    async fn fail(&self, generation: u64, error: PluginError, source: &GrpcError, limits: &Limits) -> PluginError {
        let mut state = self.state.lock().await;
        if state.generation != generation {
            return error;
        }
        let Some(process) = &mut state.process else { return error };
        let mut error = error;
        if matches!(source, GrpcError::Connection(_)) {
            // The connection breaks a moment before the process can be waited for.
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let Some(status) = process.ended() {
                error = process.exited(&self.name, status).await;
            }
        }
        state.end(&error, limits);
        error
    }
}

impl State {
    /// Ends the process and lets the plugin rest. One that served for longer than the longest pause starts from the first.
    fn end(&mut self, error: &PluginError, limits: &Limits) {
        let was_long = self.process.take().is_some_and(|process| process.since.elapsed() > limits.longest_pause);
        self.failures = if was_long { 0 } else { self.failures };
        let pause = limits.first_pause.saturating_mul(2_u32.saturating_pow(self.failures)).min(limits.longest_pause);
        self.failures = self.failures.saturating_add(1);
        warn!(error = error as &dyn std::error::Error, pause = ?pause, "plugin is stopped");
        self.rest = Some((Instant::now() + pause, error.to_string()));
    }
}
