//! Flags of kubectl that choose how the API is reached and as whom; they hold here too.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use kube::{Config, config::AuthInfo};
use serde_json::json;

use crate::error::Failure;

/// How the API is reached, and as whom.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection, as for kubectl")]
pub(crate) struct Connection {
    /// Cluster of the kubeconfig
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Address of the API
    #[arg(short, long, global = true, hide_short_help = true, value_name = "URL")]
    server: Option<String>,
    /// Bearer token
    #[arg(long, global = true, hide_short_help = true, value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Act as this user
    #[arg(long = "as", global = true, hide_short_help = true, value_name = "USER")]
    impersonate: Option<String>,
    /// Act as a member of this group
    #[arg(long = "as-group", global = true, hide_short_help = true, value_name = "GROUP", requires = "impersonate")]
    groups: Vec<String>,
    /// Act with this uid
    #[arg(long = "as-uid", global = true, hide_short_help = true, value_name = "UID", requires = "impersonate")]
    uid: Option<String>,
    /// Certificate of the authority that signs the API's
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    /// Client certificate
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<String>,
    /// Key of the client certificate
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<String>,
    /// Name in the API's certificate
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    tls_server_name: Option<String>,
    /// Take any certificate of the API
    #[arg(long, global = true, hide_short_help = true)]
    insecure_skip_tls_verify: bool,
    /// Give up a request after so long; 0 is never
    #[arg(long, global = true, hide_short_help = true, value_name = "DURATION", default_value = "0", value_parser = crate::commands::restart::duration)]
    request_timeout: jiff::SignedDuration,
    /// What is logged, to standard error: `error`, `warn`, `info`, `debug` or `trace` [default: warn; `controller`: info]
    #[arg(long, global = true, hide_short_help = true, value_name = "LEVEL")]
    pub(crate) loglevel: Option<String>,
    #[command(flatten)]
    unused: Unused,
}

/// Flags that are accepted and change nothing.
#[derive(Debug, Clone, Default, Args)]
struct Unused {
    #[arg(long, global = true, hide = true)]
    cache_dir: Option<String>,
    #[arg(long, global = true, hide = true)]
    disable_compression: bool,
    #[arg(short = 'v', long, global = true, hide = true)]
    kloglevel: Option<String>,
}

impl Connection {
    /// Changes a configuration as the flags say.
    pub(crate) fn adjust(&self, config: &mut Config) -> Result<(), Failure> {
        if let Some(server) = &self.server {
            let wrong = |error| Failure::usage(format!("--server: `{server}` is no address")).caused_by(error);
            config.cluster_url = server.parse().map_err(wrong)?;
        }
        let auth = &mut config.auth_info;
        if let Some(token) = &self.token {
            // Only the kubeconfig's own form makes a token that cannot be printed.
            let named: AuthInfo = serde_json::from_value(json!({"token": token})).unwrap_or_default();
            *auth = named;
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            auth.client_certificate = Some(certificate.clone());
            auth.client_key = Some(key.clone());
        }
        if self.impersonate.is_some() {
            auth.impersonate.clone_from(&self.impersonate);
            auth.impersonate_uid.clone_from(&self.uid);
            auth.impersonate_groups = (!self.groups.is_empty()).then(|| self.groups.clone());
        }
        config.root_cert_file = self.certificate_authority.clone().or(config.root_cert_file.take());
        config.tls_server_name = self.tls_server_name.clone().or(config.tls_server_name.take());
        config.accept_invalid_certs |= self.insecure_skip_tls_verify;
        if let Ok(limit) = Duration::try_from(self.request_timeout)
            && !limit.is_zero()
        {
            config.read_timeout = Some(limit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_change_what_they_name() {
        let mut config = Config::new("https://one:6443".parse().unwrap());
        let connection = Connection {
            server: Some("https://two:6443".to_owned()),
            token: Some("secret".to_owned()),
            impersonate: Some("jane".to_owned()),
            groups: vec!["ops".to_owned()],
            request_timeout: jiff::SignedDuration::from_secs(5),
            ..Connection::default()
        };
        connection.adjust(&mut config).unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://two:6443/");
        assert_eq!(config.auth_info.impersonate.as_deref(), Some("jane"));
        assert!(config.auth_info.token.is_some());
        assert_eq!(config.read_timeout, Some(Duration::from_secs(5)));
        assert!(!format!("{:?}", config.auth_info).contains("secret"), "a token is never printed");
        let wrong = Connection { server: Some("no address".to_owned()), ..Connection::default() };
        assert!(wrong.adjust(&mut config).is_err());
    }
}
