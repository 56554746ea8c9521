//! `set image`: a new image, which is a new release.

use clap::Args;
use serde_json::Value;
use tiphys_api::{Rollout, Stored};
use tiphys_console::{Options, Subject};

use super::acting::{action, changes};
use crate::{
    cluster::{Cluster, Kind, raw},
    error::Failure,
    printer::Printer,
    target,
};

/// Changes the image of a container; of all containers with `*`.
#[derive(Debug, Args)]
pub(crate) struct SetImage {
    /// The Rollout
    #[arg(value_name = "ROLLOUT")]
    name: String,
    /// Container and image
    #[arg(required = true, value_name = "CONTAINER=IMAGE")]
    images: Vec<String>,
}

impl SetImage {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let images = self.images.iter().map(|pair| split(pair)).collect::<Result<_, _>>()?;
        let options = Options { images, ..Options::default() };
        let targets = target::parse(std::slice::from_ref(&self.name))?;
        let Some(target) = targets.first() else { return Err(Failure::usage("no Rollout is named")) };
        let rollout = cluster.resolve(target).await?;
        let (word, name) = match &rollout.typed.spec.workload_ref {
            Some(reference) => ("deployment", reference.name.clone()),
            None => ("rollout", rollout.typed.metadata.name.clone().unwrap_or_default()),
        };
        write(&rollout, &options, cluster, printer, word, &name).await?;
        printer.line(format!("{word} \"{name}\" image updated"))?;
        Ok(())
    }
}

fn split(pair: &str) -> Result<(String, String), Failure> {
    match pair.split('=').collect::<Vec<_>>()[..] {
        [container, image] if !container.is_empty() && !image.is_empty() => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err(Failure::usage(format!("`{pair}` is not CONTAINER=IMAGE"))),
    }
}

/// Sends one JSON patch, which is atomic.
async fn write(
    rollout: &Stored<Rollout>,
    options: &Options,
    cluster: &Cluster,
    printer: Printer,
    word: &str,
    name: &str,
) -> Result<(), Failure> {
    let workload: Option<Value> = match &rollout.typed.spec.workload_ref {
        Some(reference) => Some(raw(&cluster.api(Kind::Deployment).get(&reference.name).await?)),
        None => None,
    };
    let subject = Subject { rollout, sets: &[], workload: workload.as_ref(), budgets: &[] };
    let action = action("set-image")?;
    let changes = changes(action, &subject, options, cluster.clock.now())?;
    printer.note(&format!("set image {word} {name}: {}", action.effect(&subject, options)));
    cluster.perform(&changes).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pair_needs_both_sides() {
        assert!(split("web=nginx:1").is_ok());
        assert!(split("web").is_err());
        assert!(split("=nginx").is_err());
    }
}
