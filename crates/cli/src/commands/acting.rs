//! What the commands that act have in common: the table of actions.

use jiff::Timestamp;
use tiphys_console::{
    Action, Options, Subject,
    action::{Change, Refused},
};

use crate::{cluster::Cluster, error::Failure, printer::Printer, target};

/// Does one simple action to every named Rollout: says what it will do, does it, says that it is done.
pub(crate) async fn act(
    verb: &str,
    done: &str,
    names: &[String],
    cluster: &Cluster,
    printer: Printer,
) -> Result<(), Failure> {
    let (action, options) = (action(verb)?, Options::default());
    for target in target::parse(names)? {
        let rollout = cluster.resolve(&target).await?;
        let subject = Subject { rollout: &rollout, sets: &[], workload: None, budgets: &[] };
        let name = subject.name();
        printer.note(&format!("{verb} {name}: {}", action.effect(&subject, &options)));
        cluster.perform(&changes(action, &subject, &options, cluster.clock.now())?).await?;
        printer.line(format!("rollout '{name}' {done}"))?;
    }
    Ok(())
}

/// Returns an action of the table.
pub(crate) fn action(name: &str) -> Result<&'static Action, Failure> {
    Action::named(name).ok_or_else(|| Failure::new(format!("there is no action {name}")))
}

/// Returns what an action writes.
pub(crate) fn changes(
    action: &Action,
    subject: &Subject<'_>,
    options: &Options,
    now: Timestamp,
) -> Result<Vec<Change>, Failure> {
    action.changes(subject, options, now).map_err(|error| refused(&error))
}

/// Returns the failure for an action that cannot be done as it was asked.
pub(crate) fn refused(refused: &Refused) -> Failure {
    Failure::new(refused.to_string())
}
