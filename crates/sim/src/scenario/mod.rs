//! Stories written as text: `tests/scenarios/*.txt` at the root of the workspace, played in virtual time.
//!
//! One line is one act or one expectation; what is indented below a line belongs to it.
//!
//! ```text
//! # A canary waits for a person.
//! apply
//!     apiVersion: argoproj.io/v1alpha1
//!     ...
//! within 30s phase Healthy
//! image web:2
//! within 1m phase Paused
//! for 5m step 1
//! promote
//! within 1m pods web:2 = 4
//! ```
//!
//! | act | what happens |
//! | --- | --- |
//! | `apply` and YAML below it | a person applies the objects |
//! | `image IMAGE` | the first container of the Rollout gets another image |
//! | `restart`, `restart in 1h` | `spec.restartAt` is set |
//! | `promote`, `promote full`, `abort`, `retry`, `pause`, `resume`, `undo`, `scale N` | as the command of that name |
//! | `patch KIND NAME JSON` | merge patch; of the status if it holds one |
//! | `delete KIND NAME` | background deletion; `$new` and `$stable` name the ReplicaSets, `$pod` the first pod |
//! | `kill controller`, `start controller` | the controller dies, and comes back |
//! | `wait 30s` | time passes |
//!
//! | expectation | holds when |
//! | --- | --- |
//! | `phase PHASE`, `message TEXT`, `message has TEXT` | the status says so |
//! | `step N`, `stable IMAGE` | the release is there |
//! | `ready`, `available`, `pods IMAGE`, `set IMAGE` with `=`, `>=` or `<=` and a number | ready pods, `status.availableReplicas`, ready pods of an image, wanted pods of its ReplicaSet |
//! | `service NAME selects IMAGE` | its selector names that version |
//! | `event REASON`, `event REASON has TEXT`, `no event REASON`, `events REASON = N` | it was told, about whatever object |
//! | `field KIND NAME /path = JSON` | the field has this value; `null` where it is absent |
//! | `gone KIND NAME` | there is no such object |
//!
//! `within T E`: E holds at some time within T, and time stops there. `now E`: E holds. `for T E`: E holds all the time.
//! `always E`: E holds from here to the end. The judge of the seeds watches, too, and in the end planning again must yield
//! nothing.

mod expect;
mod line;
mod play;

use std::path::Path;

pub use self::{
    expect::Expectation,
    line::{Command, Line, parse},
    play::play,
};

/// What is wrong in a scenario, or with the world that it describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {text}")]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

/// Reads and plays a scenario.
///
/// # Errors
/// The first line that cannot be read, or whose expectation does not hold.
pub fn run(file: &Path) -> Result<(), Problem> {
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let problem = |line, text| Problem { file: name.clone(), line, text };
    let text = std::fs::read_to_string(file).map_err(|error| problem(0, format!("cannot be read: {error}")))?;
    let lines = parse(&text).map_err(|(line, text)| problem(line, text))?;
    play(&lines).map_err(|(line, text)| problem(line, text))
}
