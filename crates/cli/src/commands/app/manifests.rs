//! `app manifests`: what Git has, or what the cluster has.

use clap::{Args, ValueEnum};

use super::{
    Apps,
    sources::{Look, key},
};
use crate::{commands::list::yaml, error::Failure};

/// Prints the manifests of an Application. Secrets are masked.
#[derive(Debug, Args)]
pub(super) struct Manifests {
    /// The Application
    #[arg(value_name = "NAME")]
    name: String,
    /// Which ones
    #[arg(long, value_enum, default_value = "git")]
    source: Origin,
    /// Of this revision
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
}

/// Where manifests are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Origin {
    /// As Git has them
    Git,
    /// As the cluster has them
    Live,
}

impl Manifests {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let app = apps.find(&self.name).await?;
        let look = Look::at(apps, &app).await?;
        let mut objects = Vec::new();
        if self.source == Origin::Git {
            let rendered = look.render(apps, &app, self.revision.as_deref()).await?;
            objects.clone_from(&rendered.manifests);
        } else {
            for one in app.status.resources.iter().filter(|one| !one.hook) {
                objects.extend(look.live(&key(one), &one.version).await?);
            }
        }
        for object in &objects {
            let masked = tiphys_deliver::mask::mask(Some(object), None, &[]);
            apps.printer.line("---")?;
            apps.printer.text(&yaml(&masked.target.unwrap_or_default())?)?;
        }
        Ok(())
    }
}
