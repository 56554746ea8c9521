//! `promote`: let a paused Rollout go on.

use clap::Args;
use tiphys_console::action::{Extent, Refused};

use crate::{cluster::Cluster, error::Failure, printer::Printer, target};

/// Lets a paused Rollout go on; if it is not paused, skips the current step.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The Rollout
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
    /// Skip all steps, pauses and analyses
    #[arg(long)]
    full: bool,
    /// Skip the current step
    #[arg(short = 'c', long, conflicts_with = "full")]
    skip_current_step: bool,
    /// Skip all steps, but not analyses in the background
    #[arg(short = 'a', long, conflicts_with = "full")]
    skip_all_steps: bool,
}

impl Promote {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let extent = self.extent()?;
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let name = rollout.metadata.name.clone().unwrap_or_default();
            let changes = extent.changes(&rollout).map_err(|error| refused(&error))?;
            printer.note(&format!("promote {name}: {}", extent.effect(&rollout)));
            cluster.perform(&changes).await?;
            let fully = if extent == Extent::Full { "fully " } else { "" };
            printer.line(format!("rollout '{name}' {fully}promoted"))?;
        }
        Ok(())
    }

    fn extent(&self) -> Result<Extent, Failure> {
        match (self.full, self.skip_current_step, self.skip_all_steps) {
            (_, true, true) => {
                Err(Failure::usage("Cannot use skip-current-step and skip-all-steps flags at the same time"))
            }
            (_, true, false) => Ok(Extent::CurrentStep),
            (_, false, true) => Ok(Extent::AllSteps),
            (true, ..) => Ok(Extent::Full),
            (false, ..) => Ok(Extent::Pause),
        }
    }
}

fn refused(refused: &Refused) -> Failure {
    let failure = Failure::new(refused.to_string());
    if *refused == Refused::StepsOfBlueGreen {
        return failure.hint("`tiphys promote NAME` switches, `--full` also skips analyses");
    }
    failure
}
