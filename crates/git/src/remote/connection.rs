//! A conversation with a remote, whatever its kind.

use gix::{
    Repository,
    protocol::transport::{
        Protocol,
        client::blocking_io::{Transport, connect, http::Transport as HttpTransport},
    },
    remote::Connection,
    url::Scheme,
};

use super::{Remote, RemoteError, address, http::Http, ssh};

/// A remote beside the repository that fetches from it.
pub(crate) struct Opened<'a> {
    remote: &'a Remote,
    url: gix::Url,
    here: gix::Remote<'a>,
    /// Files that must exist as long as the conversation.
    ssh: Option<ssh::Files>,
}

impl<'a> Opened<'a> {
    /// Prepares a conversation about these refspecs.
    pub(crate) fn new(remote: &'a Remote, repository: &'a Repository, specs: &[&str]) -> Result<Self, RemoteError> {
        let url = address::parse(remote)?;
        let wrong = |error: &dyn std::error::Error| RemoteError::Address {
            url: address::shown(&remote.url),
            cause: error.to_string(),
        };
        let here = repository.remote_at(url.clone()).map_err(|error| wrong(&error))?;
        let specs = here.with_refspecs(specs.iter().copied(), gix::remote::Direction::Fetch);
        let here = specs.map_err(|error| wrong(&error))?.with_fetch_tags(gix::remote::fetch::Tags::None);
        let ssh = if url.scheme == Scheme::Ssh { Some(ssh::Files::write(remote)?) } else { None };
        Ok(Self { remote, url, here, ssh })
    }

    /// Connects, without a word yet.
    pub(crate) fn connect(&self) -> Result<Connection<'_, '_, 'a, Box<dyn Transport + Send>>, RemoteError> {
        let transport: Box<dyn Transport + Send> = match self.url.scheme {
            Scheme::Http | Scheme::Https => {
                let http = Http::new(self.remote, &self.url)?;
                Box::new(HttpTransport::new_http(http, without_user(&self.url), Protocol::V2, false))
            }
            _ => {
                let ssh = self.ssh.as_ref().map(ssh::Files::options).unwrap_or_default();
                let options = connect::Options { version: Protocol::V2, ssh, trace: false };
                connect::connect(self.url.clone(), options).map_err(|error| self.remote.refused(&error))?
            }
        };
        // Helpers of the machine are never asked for credentials.
        Ok(self.here.to_connection_with_transport(transport).with_credentials(|_| Ok(None)))
    }
}

/// Credentials in the URL are sent by our client, as those of [`Remote`] are.
fn without_user(url: &gix::Url) -> gix::Url {
    let mut url = url.clone();
    url.set_user(None);
    url.set_password(None);
    url
}
