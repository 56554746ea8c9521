//! Flags of upstream's controller that change nothing here: accepted, so that a manifest needs no change, and explained.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// Whether a flag has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// It must.
    Value,
    /// `--flag` is `--flag=true`.
    Switch,
}

const WATCHES: &str = "changes come by watches; nothing is listed again";
const WORKERS: &str = "one number of workers holds for all: `--workers`";
const CLIENT: &str = "requests are few, so they are not throttled";
const ROUTERS: &str = "the version that the cluster serves is found out";

/// Each flag, and why it changes nothing.
const FLAGS: [(&str, Takes, &str); 25] = [
    ("rollout-resync", Takes::Value, WATCHES),
    ("experiment-threads", Takes::Value, WORKERS),
    ("analysis-threads", Takes::Value, WORKERS),
    ("service-threads", Takes::Value, WORKERS),
    ("ingress-threads", Takes::Value, WORKERS),
    ("ephemeral-metadata-threads", Takes::Value, WORKERS),
    ("ephemeral-metadata-update-pod-retries", Takes::Value, "a failed pass is tried again as a whole"),
    ("qps", Takes::Value, CLIENT),
    ("burst", Takes::Value, CLIENT),
    ("controllers", Takes::Value, "all controllers run"),
    ("self-service-notification-enabled", Takes::Switch, "there are no notifications yet"),
    ("istio-api-version", Takes::Value, ROUTERS),
    ("ambassador-api-version", Takes::Value, ROUTERS),
    ("traffic-split-api-version", Takes::Value, ROUTERS),
    ("traefik-api-group", Takes::Value, ROUTERS),
    ("traefik-api-version", Takes::Value, ROUTERS),
    ("appmesh-crd-version", Takes::Value, ROUTERS),
    ("ingress-api-version", Takes::Value, ROUTERS),
    ("alb-ingress-classes", Takes::Value, ROUTERS),
    ("nginx-ingress-classes", Takes::Value, ROUTERS),
    ("alb-tag-key-resource-id", Takes::Value, ROUTERS),
    ("aws-target-group-binding-api-version", Takes::Value, ROUTERS),
    ("aws-verify-target-group", Takes::Switch, "target groups are not verified yet"),
    ("alb-verify-weight", Takes::Switch, "target groups are not verified yet"),
    ("enable-pprof-address", Takes::Value, "there is no Go runtime to profile"),
];

/// The flags that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accepted {
    given: Vec<(&'static str, &'static str)>,
}

impl Accepted {
    /// Says why they change nothing.
    pub(crate) fn explain(&self) {
        for (flag, why) in &self.given {
            tracing::warn!(flag, why, "this flag of argo-rollouts has no effect here");
        }
    }
}

impl FromArgMatches for Accepted {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = |name: &str| matches.get_raw(name).is_some();
        let given = FLAGS.iter().filter(|(name, ..)| is_given(name)).map(|(name, _, why)| (*name, *why)).collect();
        Ok(Self { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Accepted {
    fn augment_args(command: Command) -> Command {
        command.args(FLAGS.iter().map(|(name, takes, _)| {
            let arg = Arg::new(*name).long(*name).hide(true).action(ArgAction::Append);
            match takes {
                Takes::Value => arg.num_args(1),
                Takes::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_flags_are_explained_and_others_are_not() {
        let command = Accepted::augment_args(Command::new("controller"));
        let line = [
            "controller",
            "--qps=40",
            "--aws-verify-target-group",
            "--nginx-ingress-classes",
            "a",
            "--nginx-ingress-classes=b",
        ];
        let accepted = Accepted::from_arg_matches(&command.try_get_matches_from(line).unwrap()).unwrap();
        let names: Vec<&str> = accepted.given.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["qps", "nginx-ingress-classes", "aws-verify-target-group"]);
    }
}
