//! One process of a plugin.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use tracing::info;

use crate::{
    error::PluginError,
    grpc::{Channel, GrpcError, METHODS},
    host::{Launch, Limits},
    proto::{DescribeReply, DescribeRequest, PROTOCOL},
};

/// Bytes of output that are remembered for people.
const LAST_WORDS: usize = 2048;
/// Between two looks for the socket.
const LOOK: Duration = Duration::from_millis(20);

/// The end of what a process wrote.
type Words = Arc<Mutex<VecDeque<u8>>>;

/// A process that serves. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    words: Words,
    socket: PathBuf,
    pub(crate) channel: Channel,
    pub(crate) since: Instant,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Process {
    /// Starts the program of a plugin and waits until it serves.
    pub(crate) async fn start(launch: &Launch, socket: &Path, limits: &Limits) -> Result<Self, PluginError> {
        let name = &launch.name;
        let _ = std::fs::remove_file(socket);
        let failed = |reason: String| PluginError::Start { name: name.clone(), reason };
        let mut child = Command::new(&launch.program)
            .args(&launch.args)
            .env("TIPHYS_PLUGIN_SOCKET", socket)
            .env("TIPHYS_PLUGIN_PROTOCOL", PROTOCOL.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let words = Words::default();
        listen(name, child.stdout.take(), &words);
        listen(name, child.stderr.take(), &words);
        let opened = timeout(limits.start, open(&mut child, socket, limits)).await;
        let since = Instant::now();
        match opened {
            Ok(Ok(Opened::Serving(channel, description))) => {
                let process = Self { child, words, socket: socket.to_owned(), channel, since };
                if description.protocol != PROTOCOL {
                    return Err(PluginError::Protocol { name: name.clone(), found: description.protocol });
                }
                info!(plugin = name, version = description.version, "plugin serves");
                Ok(process)
            }
            Ok(Ok(Opened::Ended(status))) => {
                Err(PluginError::Exited { name: name.clone(), status, last_words: last_words(&words).await })
            }
            Ok(Err(source)) => Err(PluginError::Call { name: name.clone(), method: METHODS.describe.name, source }),
            Err(_) => {
                let last_words = last_words(&words).await;
                Err(PluginError::NotServing { name: name.clone(), limit: limits.start, last_words })
            }
        }
    }

    /// Returns how the process ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Returns the error of a process that ended.
    pub(crate) async fn exited(&self, name: &str, status: ExitStatus) -> PluginError {
        PluginError::Exited { name: name.to_owned(), status, last_words: last_words(&self.words).await }
    }
}

enum Opened {
    Serving(Channel, DescribeReply),
    Ended(ExitStatus),
}

async fn open(child: &mut Child, socket: &Path, limits: &Limits) -> Result<Opened, GrpcError> {
    loop {
        if let Some(status) = child.try_wait().ok().flatten() {
            return Ok(Opened::Ended(status));
        }
        if let Ok(mut channel) = Channel::connect(socket, limits.max_message).await {
            let request = DescribeRequest { protocol: PROTOCOL };
            match channel.call(METHODS.describe, &request, limits.start).await {
                Ok(description) => return Ok(Opened::Serving(channel, description)),
                Err(error) if error.is_unimplemented() => {
                    return Err(GrpcError::Nonsense("it does not serve tiphys.plugin.v1.Plugin".to_owned()));
                }
                Err(GrpcError::Connection(_)) => {}
                Err(error) => return Err(error),
            }
        }
        sleep(LOOK).await;
    }
}

/// Logs what the process writes and remembers the end of it.
fn listen(name: &str, from: Option<impl AsyncRead + Unpin + Send + 'static>, words: &Words) {
    let Some(mut from) = from else { return };
    let (name, words) = (name.to_owned(), words.clone());
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(count) = from.read(&mut buffer).await {
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return };
            info!(plugin = name, output = %String::from_utf8_lossy(bytes).trim_end(), "plugin wrote");
            let mut kept = words.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(bytes);
            let excess = kept.len().saturating_sub(LAST_WORDS);
            kept.drain(..excess);
        }
    });
}

/// Returns the last line that was written, after a colon. The readers may be a moment behind the end of the process.
async fn last_words(words: &Words) -> String {
    sleep(LOOK).await;
    let bytes: Vec<u8> = words.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
    let text = String::from_utf8_lossy(&bytes);
    match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) => format!(": {line}"),
        None => String::new(),
    }
}
