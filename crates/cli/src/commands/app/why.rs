//! `app why`: one chain from the commit to the pods.

use clap::Args;
use tiphys_rollouts::{
    observe,
    plan::{Settings, plan},
};

use super::Apps;
use crate::{
    commands::list::{Output, print_data},
    error::Failure,
    view::{
        answer::{self, Answer},
        delivery,
    },
};

/// Says why an Application is not delivered yet: commit, rendered, compared, synced, and what each Rollout waits for.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// The Application
    #[arg(value_name = "NAME")]
    name: String,
    /// Print data instead of text
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

impl Why {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let app = apps.find(&self.name).await?;
        let (namespace, name) = apps.place(&self.name);
        let now = apps.cluster.clock.now();
        let mut rollouts = Vec::new();
        for one in app.status.resources.iter().filter(|one| one.kind == "Rollout" && one.group == "argoproj.io") {
            if let Some(seen) = observe::fetch(&apps.cluster.client(), &one.namespace, &one.name).await? {
                rollouts.push((one.name.clone(), plan(&seen, now, &Settings::default()).reasons));
            }
        }
        let reasons = delivery::reasons(&app, rollouts);
        let phase = app.status.health.status.clone();
        let answer = Answer::of_application(namespace, name, phase, reasons, now);
        if let Some(output) = self.output {
            return print_data(&answer.data(), output, apps.printer);
        }
        Ok(apps.printer.text(&format!(
            "{}{}",
            answer::page(&answer, apps.printer),
            delivery::steps(&app, apps.printer)
        ))?)
    }
}
