//! The one table of actions on a Rollout: menus, command line and API read it.
//!
//! An action is data: a name, a label, a permission, a key, and three functions of what is seen: what it will do now,
//! whether it makes sense now, and what it writes. None of them does anything; [`perform()`] carries out what is written.

mod image;
mod perform;
mod promote;
mod release;
mod restart;
mod undo;

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tiphys_api::{Rollout, Stored};

pub use self::{
    perform::{FIELD_MANAGER, perform},
    promote::Extent,
    restart::effect as restart_effect,
};
use crate::view::revision::NoRevision;

/// What an action looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The Rollout.
    pub rollout: &'a Stored<Rollout>,
    /// Its ReplicaSets, as they are stored.
    pub sets: &'a [Value],
    /// The workload that its template comes from, as it is stored, if there is one.
    pub workload: Option<&'a Value>,
    /// Disruption budgets of the namespace.
    pub budgets: &'a [PodDisruptionBudget],
}

impl Subject<'_> {
    /// Returns the name of the Rollout.
    #[must_use]
    pub fn name(&self) -> &str {
        self.rollout.typed.metadata.name.as_deref().unwrap_or_default()
    }

    /// Returns the namespace of the Rollout.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.rollout.typed.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn typed(&self) -> &Rollout {
        &self.rollout.typed
    }
}

/// What a person chooses besides the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Options {
    /// `restart`: start a new pod before an old one goes.
    pub surge: bool,
    /// `restart`: when; at once where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// `undo`: which revision; 0 is the one before the newest.
    pub revision: i64,
    /// `set-image`: container (`*` for all) and image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<(String, String)>,
}

/// Why an action cannot be done as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Blue-green has no steps.
    #[error("Cannot skip steps of a bluegreen rollout. Run without a flags")]
    StepsOfBlueGreen,
    /// This canary has no steps.
    #[error("Cannot skip steps of a rollout without steps")]
    NoSteps,
    /// No container has that name.
    #[error("unable to find container named \"{0}\"")]
    NoContainer(String),
    /// No image was named.
    #[error("no image is named")]
    NoImage,
    /// There is no such revision.
    #[error(transparent)]
    NoRevision(#[from] NoRevision),
    /// The template is already that of the revision.
    #[error("skipped rollback (current template already matches revision {0})")]
    Unchanged(i64),
    /// That kind of workload is not written.
    #[error("workload of type {0} is not supported")]
    Workload(String),
}

/// The kinds that actions write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `argoproj.io` Rollout.
    Rollout,
    /// Deployment.
    Deployment,
    /// ReplicaSet.
    ReplicaSet,
    /// PodTemplate.
    PodTemplate,
}

/// How an object is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Patch {
    /// Merge patch.
    Merge(Value),
    /// Merge patch of the status.
    MergeStatus(Value),
    /// JSON patch.
    Json(Value),
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Kind of the object.
    pub kind: Kind,
    /// Its name; it is in the namespace of the Rollout.
    pub name: String,
    /// What is written.
    pub patch: Patch,
}

/// How much care an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It can be taken back without users noticing.
    Light,
    /// Users get another version, or pods go.
    Heavy,
}

/// One action.
pub struct Action {
    /// Stable name, also that of the command and of the permission.
    pub name: &'static str,
    /// What its button says.
    pub label: &'static str,
    /// What has happened once it is done.
    pub done: &'static str,
    /// Its key on the page of a release.
    pub key: Option<char>,
    /// How much care it needs.
    pub weight: Weight,
    /// The action that takes it back.
    pub inverse: Option<&'static str>,
    effect: fn(&Subject<'_>, &Options) -> String,
    obstacle: fn(&Subject<'_>) -> Option<String>,
    changes: fn(&Subject<'_>, &Options, Timestamp) -> Result<Vec<Change>, Refused>,
    flags: fn(&Options) -> String,
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Action").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Action {
    /// Returns the action with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|action| action.name == name)
    }

    /// Returns one line that says what it will do to this object now.
    #[must_use]
    pub fn effect(&self, subject: &Subject<'_>, options: &Options) -> String {
        (self.effect)(subject, options)
    }

    /// Returns why it makes no sense now and what would allow it; `None` where it does.
    #[must_use]
    pub fn obstacle(&self, subject: &Subject<'_>) -> Option<String> {
        (self.obstacle)(subject)
    }

    /// Returns what it writes, in this order.
    ///
    /// # Errors
    /// If it cannot be done as it was asked.
    pub fn changes(&self, subject: &Subject<'_>, options: &Options, now: Timestamp) -> Result<Vec<Change>, Refused> {
        (self.changes)(subject, options, now)
    }

    /// Returns the same as a command line.
    #[must_use]
    pub fn command(&self, subject: &Subject<'_>, options: &Options) -> String {
        let verb = match self.name {
            "promote-full" => "promote",
            "cancel-restart" => "restart",
            "set-image" => "set image",
            name => name,
        };
        format!("tiphys {verb} {} -n {}{}", subject.name(), subject.namespace(), (self.flags)(options))
    }
}

const NO_FLAGS: fn(&Options) -> String = |_| String::new();

/// All actions, in the order of the menu.
pub static TABLE: &[Action] = &[
    Action {
        name: "promote",
        label: "Promote",
        done: "Promoted",
        key: Some('p'),
        weight: Weight::Heavy,
        inverse: None,
        effect: |subject, _| promote::effect(subject.typed(), Extent::Pause),
        obstacle: |subject| promote::obstacle(subject.typed()),
        changes: |subject, _, _| promote::changes(subject.typed(), Extent::Pause),
        flags: NO_FLAGS,
    },
    Action {
        name: "promote-full",
        label: "Promote fully",
        done: "Promoted fully",
        key: None,
        weight: Weight::Heavy,
        inverse: None,
        effect: |subject, _| promote::effect(subject.typed(), Extent::Full),
        obstacle: |subject| promote::obstacle(subject.typed()),
        changes: |subject, _, _| promote::changes(subject.typed(), Extent::Full),
        flags: |_| " --full".to_owned(),
    },
    Action {
        name: "pause",
        label: "Pause",
        done: "Paused",
        key: None,
        weight: Weight::Light,
        inverse: Some("resume"),
        effect: |subject, _| release::pause_effect(subject.typed()),
        obstacle: |subject| release::pause_obstacle(subject.typed()),
        changes: |subject, _, _| Ok(release::pause(subject)),
        flags: NO_FLAGS,
    },
    Action {
        name: "resume",
        label: "Resume",
        done: "Resumed",
        key: None,
        weight: Weight::Light,
        inverse: Some("pause"),
        effect: |subject, _| release::resume_effect(subject.typed()),
        obstacle: |subject| release::resume_obstacle(subject.typed()),
        changes: |subject, _, _| Ok(release::resume(subject)),
        flags: NO_FLAGS,
    },
    Action {
        name: "abort",
        label: "Abort",
        done: "Aborted",
        key: Some('a'),
        weight: Weight::Heavy,
        inverse: Some("retry"),
        effect: |subject, _| release::abort_effect(subject.typed()),
        obstacle: |subject| release::abort_obstacle(subject.typed()),
        changes: |subject, _, _| Ok(release::abort(subject)),
        flags: NO_FLAGS,
    },
    Action {
        name: "retry",
        label: "Retry",
        done: "Retried",
        key: None,
        weight: Weight::Heavy,
        inverse: Some("abort"),
        effect: |subject, _| release::retry_effect(subject.typed()),
        obstacle: |subject| release::retry_obstacle(subject.typed()),
        changes: |subject, _, _| Ok(release::retry(subject)),
        flags: NO_FLAGS,
    },
    Action {
        name: "restart",
        label: "Restart all pods",
        done: "Restart asked for",
        key: Some('r'),
        weight: Weight::Heavy,
        inverse: Some("cancel-restart"),
        effect: |subject, options| restart::effect(subject.typed(), subject.budgets, options.surge),
        obstacle: |subject| restart::obstacle(subject.typed()),
        changes: |subject, options, now| Ok(restart::changes(subject, options, now)),
        flags: restart::flags,
    },
    Action {
        name: "cancel-restart",
        label: "Cancel restart",
        done: "Restart cancelled",
        key: None,
        weight: Weight::Light,
        inverse: None,
        effect: |subject, _| restart::cancel_effect(subject.typed()),
        obstacle: |subject| restart::cancel_obstacle(subject.typed()),
        changes: |subject, _, _| Ok(restart::cancel(subject)),
        flags: |_| " --cancel".to_owned(),
    },
    Action {
        name: "undo",
        label: "Roll back",
        done: "Rolling back",
        key: Some('u'),
        weight: Weight::Heavy,
        inverse: None,
        effect: undo::effect,
        obstacle: undo::obstacle,
        changes: |subject, options, _| undo::changes(subject, options),
        flags: |options| match options.revision {
            0 => String::new(),
            revision => format!(" --to-revision {revision}"),
        },
    },
    Action {
        name: "set-image",
        label: "Set image",
        done: "Image set",
        key: None,
        weight: Weight::Heavy,
        inverse: Some("undo"),
        effect: image::effect,
        obstacle: |_| None,
        changes: |subject, options, _| image::changes(subject, options),
        flags: image::flags,
    },
];

#[cfg(test)]
mod tests;
