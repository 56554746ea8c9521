//! The state of a pod on its node, between two looks at it.

use jiff::Timestamp;

/// How a run of a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`.
    pub reason: &'static str,
    /// Text, where there is something to say.
    pub message: String,
    /// When the run began.
    pub since: Timestamp,
    /// When it ended.
    pub at: Timestamp,
}

/// Where a container stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Containers before it are not done yet.
    Blocked,
    /// Its image is being pulled.
    Pulling {
        /// When the pull began.
        since: Timestamp,
        /// When it ends; `None` for never.
        until: Option<Timestamp>,
    },
    /// Something is wrong with its image or its configuration, as the reason says; tried again later.
    Refused {
        /// Reason of the waiting state.
        reason: &'static str,
        /// Text of the waiting state.
        message: String,
        /// When it goes on.
        until: Timestamp,
    },
    /// It is being created and started.
    Starting {
        /// When it runs; `None` for never.
        until: Option<Timestamp>,
    },
    /// It ended and is not started again before some time is over.
    BackOff {
        /// When it is.
        until: Timestamp,
        /// Length of the wait in seconds, for the text.
        seconds: i64,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// It ended and is not started again.
    Ended(Ended),
}

/// The state of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRun {
    /// Where it stands.
    pub stage: Stage,
    /// How the run before the present one ended.
    pub last: Option<Ended>,
    /// How often it was started again.
    pub restarts: u32,
    /// Restarts since it last ran for long: what the back-off grows with.
    pub streak: u32,
    /// Failed attempts to get its image.
    pub failed_pulls: u32,
    /// Whether its startup probe has passed.
    pub started: bool,
    /// Whether it reports ready.
    pub ready: bool,
    /// Whether the event about its failing readiness probe has been told in this run.
    pub told_unready: bool,
}

impl Default for ContainerRun {
    fn default() -> Self {
        Self {
            stage: Stage::Blocked,
            last: None,
            restarts: 0,
            streak: 0,
            failed_pulls: 0,
            started: false,
            ready: false,
            told_unready: false,
        }
    }
}

/// Phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not every container has been started.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, at least one badly.
    Failed,
}

impl Phase {
    /// Returns the word in `status.phase`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Returns whether the pod will never run again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// The state of a pod on its node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// When the kubelet took it up.
    pub since: Option<Timestamp>,
    /// Phase.
    pub phase: Phase,
    /// State of the init containers, as in the spec.
    pub init: Vec<ContainerRun>,
    /// State of the containers, as in the spec.
    pub containers: Vec<ContainerRun>,
    /// When it was asked to stop.
    pub stopping: Option<Timestamp>,
    /// Whether everything is stopped and the object may go.
    pub stopped: bool,
}

impl Run {
    /// Returns the state of a pod that was just bound.
    #[must_use]
    pub fn new(init: usize, containers: usize) -> Self {
        let blank = |count| vec![ContainerRun::default(); count];
        Self { init: blank(init), containers: blank(containers), ..Self::default() }
    }
}
