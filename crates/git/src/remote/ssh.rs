//! The program `ssh`, with the key and the known hosts of a remote.

use std::{ffi::OsString, fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt};

use gix::protocol::transport::client::blocking_io::ssh::{ProgramKind, connect::Options};

use super::{Remote, RemoteError};
use crate::store::{Scratch, scratch};

/// Files for one conversation.
pub(super) struct Files {
    command: OsString,
    _folder: Scratch,
}

impl Files {
    /// Writes the key, readable for us only, and makes the command.
    pub(super) fn write(remote: &Remote) -> Result<Self, RemoteError> {
        let folder = scratch().map_err(RemoteError::Scratch)?;
        let mut command = OsString::from(format!("{} -o BatchMode=yes -F /dev/null", remote.ssh));
        if remote.is_insecure {
            command.push(" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null");
        } else {
            command.push(" -o StrictHostKeyChecking=yes");
            if let Some(known) = &remote.known_hosts {
                let path = folder.path().join("known_hosts");
                std::fs::write(&path, with_newline(known)).map_err(RemoteError::Scratch)?;
                command.push(" -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile=");
                command.push(path);
            }
        }
        if let Some(key) = &remote.credentials.ssh_key {
            let path = folder.path().join("key");
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let written = file.and_then(|mut file| file.write_all(with_newline(key).as_bytes()));
            written.map_err(RemoteError::Scratch)?;
            command.push(" -o IdentitiesOnly=yes -i ");
            command.push(&path);
        }
        Ok(Self { command, _folder: folder })
    }

    pub(super) fn options(&self) -> Options {
        // Left to guess, it takes the last word of the command for the program, and refuses ports.
        Options { command: Some(self.command.clone()), kind: Some(ProgramKind::Ssh), ..Options::default() }
    }
}

/// OpenSSH refuses a key without its last newline.
fn with_newline(key: &str) -> String {
    format!("{}\n", key.trim_end())
}
