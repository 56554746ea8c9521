//! Putting a plugin's program in place.

use std::{
    collections::BTreeMap,
    future::Future,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    pin::Pin,
};

use sha2::{Digest, Sha256};

use crate::config::{Configured, is_name};

/// Bytes of a program at most.
const MAX_PROGRAM: u64 = 512 << 20;

/// A download under way.
pub type DownloadFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// Fetches programs over HTTP.
pub trait Download: Send + Sync {
    /// Returns the body of a successful answer, of `limit` bytes at most.
    fn get<'a>(&'a self, url: &'a str, headers: &'a BTreeMap<String, String>, limit: u64) -> DownloadFuture<'a>;
}

/// Why a program could not be put in place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The name would not be a safe file name.
    #[error("plugin repository ({0}) must be in the format of <namespace>/<name>")]
    Name(String),
    /// The location is neither file nor HTTP.
    #[error("location {0} is neither file:// nor https:// nor http://")]
    Location(String),
    /// Unencrypted and not checked.
    #[error("location {0} is not encrypted: give sha256, or use https://")]
    Unchecked(String),
    /// The sum cannot be one.
    #[error("sha256 must have 64 hexadecimal digits")]
    Sum,
    /// Another program than expected.
    #[error("sha256 is {found}, expected {expected}")]
    OtherSum {
        /// Of what was found.
        found: String,
        /// As configured.
        expected: String,
    },
    /// Reading or writing failed.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The download failed.
    #[error("download of {url}: {reason}")]
    Download {
        /// From where.
        url: String,
        /// What was said.
        reason: String,
    },
}

/// Puts the program of a plugin into `folder` and returns its path. The file is whole or absent.
///
/// # Errors
/// If it cannot be read, fetched or written, or is not the one that was configured.
pub async fn install(
    plugin: &Configured,
    folder: &Path,
    headers: &BTreeMap<String, String>,
    download: &dyn Download,
) -> Result<PathBuf, InstallError> {
    if !is_name(&plugin.name) {
        return Err(InstallError::Name(plugin.name.clone()));
    }
    let expected = plugin.sha256.to_ascii_lowercase();
    if !expected.is_empty() && (expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(InstallError::Sum);
    }
    let program = read(plugin, headers, download).await?;
    let found: String = Sha256::digest(&program).iter().map(|byte| format!("{byte:02x}")).collect();
    if !expected.is_empty() && found != expected {
        return Err(InstallError::OtherSum { found, expected });
    }
    let target = folder.join(plugin.role.key()).join(&plugin.name);
    let path = target.clone();
    let written = tokio::task::spawn_blocking(move || write(&path, &program)).await;
    let failed = |reason: String| InstallError::File { path: target.display().to_string(), reason };
    written.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    Ok(target)
}

async fn read(
    plugin: &Configured,
    headers: &BTreeMap<String, String>,
    download: &dyn Download,
) -> Result<Vec<u8>, InstallError> {
    let location = plugin.location.as_str();
    if let Some(path) = location.strip_prefix("file://") {
        let failed = |reason: String| InstallError::File { path: path.to_owned(), reason };
        let size = tokio::fs::metadata(path).await.map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_PROGRAM {
            return Err(failed(format!("has {size} bytes, {MAX_PROGRAM} are allowed")));
        }
        return tokio::fs::read(path).await.map_err(|error| failed(error.to_string()));
    }
    if location.starts_with("http://") && plugin.sha256.is_empty() {
        return Err(InstallError::Unchecked(location.to_owned()));
    }
    if !location.starts_with("https://") && !location.starts_with("http://") {
        return Err(InstallError::Location(location.to_owned()));
    }
    let body = download.get(location, headers, MAX_PROGRAM).await;
    body.map_err(|reason| InstallError::Download { url: location.to_owned(), reason })
}

fn write(target: &Path, program: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = target.with_extension("part");
    let _ = std::fs::remove_file(&part);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(&part)?;
    file.write_all(program)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&part, target)
}
