//! Commands of upstream's plugin that have no counterpart here: said clearly, with what to do instead.

use clap::Args;

use crate::error::Failure;

/// Anything behind the name of the command.
#[derive(Debug, Args)]
pub(crate) struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<String>,
}

/// Returns why there is no dashboard.
pub(crate) fn dashboard() -> Failure {
    Failure::new("there is no dashboard in this version")
        .hint("`tiphys get NAME -w` shows a Rollout live, `tiphys why` what is stuck, `tiphys list -w` all of them")
        .hint("upstream's `kubectl argo rollouts dashboard` works with the same cluster")
}

/// Returns why there are no notifications.
pub(crate) fn notifications() -> Failure {
    Failure::new("there are no notifications in this version: triggers and templates are not read").hint(
        "events tell the same: `kubectl get events --field-selector involvedObject.kind=Rollout -w`; metrics too, with \
         `tiphys controller --metrics ADDR`",
    )
}
