//! What people write to name a Rollout: `web`, `ro/web`, `rollout web`, `deployment/web`, `rollout restart web`.

use crate::error::Failure;

/// One named object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A Rollout by name.
    Rollout(String),
    /// The Rollout that runs this Deployment's template (`workloadRef`).
    Deployment(String),
}

const ROLLOUT: [&str; 4] = ["rollout", "rollouts", "ro", "rollouts.argoproj.io"];
const DEPLOYMENT: [&str; 4] = ["deployment", "deployments", "deploy", "deployments.apps"];
const EXPERIMENT: [&str; 3] = ["experiment", "experiments", "exp"];

/// Reads names as people write them: `KIND/NAME`, `KIND NAME…` or plain names.
pub(crate) fn parse(words: &[String]) -> Result<Vec<Target>, Failure> {
    let (make, names): (fn(String) -> Target, _) = match words {
        [kind, names @ ..] if !names.is_empty() && ROLLOUT.contains(&kind.to_lowercase().as_str()) => {
            (Target::Rollout, names)
        }
        [kind, names @ ..] if !names.is_empty() && DEPLOYMENT.contains(&kind.to_lowercase().as_str()) => {
            (Target::Deployment, names)
        }
        names => (Target::Rollout, names),
    };
    names.iter().map(|word| one(word, make)).collect()
}

/// Returns the names if the words name Experiments: `experiment NAME…`.
pub(crate) fn experiments(words: &[String]) -> Option<Vec<String>> {
    match words {
        [kind, names @ ..] if !names.is_empty() && EXPERIMENT.contains(&kind.to_lowercase().as_str()) => {
            Some(names.to_vec())
        }
        _ => None,
    }
}

fn one(word: &str, plain: fn(String) -> Target) -> Result<Target, Failure> {
    let Some((kind, name)) = word.split_once('/') else { return Ok(plain(word.to_owned())) };
    if name.is_empty() {
        return Err(Failure::usage(format!("`{word}` names no object")).hint("write `rollout/NAME` or just `NAME`"));
    }
    match kind.to_lowercase().as_str() {
        kind if ROLLOUT.contains(&kind) => Ok(Target::Rollout(name.to_owned())),
        kind if DEPLOYMENT.contains(&kind) => Ok(Target::Deployment(name.to_owned())),
        _ => Err(Failure::usage(format!("`{kind}` is neither a Rollout nor a Deployment"))
            .hint("write `rollout/NAME`, `ro/NAME` or `deployment/NAME`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_write_them() {
        let rollout = |name: &str| Target::Rollout(name.to_owned());
        let deployment = |name: &str| Target::Deployment(name.to_owned());
        for (words, expected) in [
            (vec!["web"], vec![rollout("web")]),
            (vec!["ro/web", "rollout/api"], vec![rollout("web"), rollout("api")]),
            (vec!["rollout", "web", "api"], vec![rollout("web"), rollout("api")]),
            (vec!["deploy/web"], vec![deployment("web")]),
            (vec!["Deployment", "web"], vec![deployment("web")]),
            (vec!["rollout"], vec![rollout("rollout")]),
        ] {
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            assert_eq!(parse(&words).unwrap(), expected, "{words:?}");
        }
        assert!(parse(&["pod/web".to_owned()]).is_err());
        assert!(parse(&["ro/".to_owned()]).is_err());
    }
}
