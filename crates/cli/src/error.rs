//! How a failure looks: `error:`, its causes, and a `hint:` that says what to do.

use std::{fmt, process::ExitCode};

use crate::printer::Printer;

/// A failure that ends the program.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    /// Nothing to print: the output already says it (`status` of a degraded release, a broken pipe).
    quiet: bool,
    code: u8,
}

impl Failure {
    /// Returns a failure with exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hints: Vec::new(), quiet: false, code: 1 }
    }

    /// Returns a failure of usage, with exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, ..Self::new(message) }
    }

    /// Returns a failure to find out what was asked, with exit code 3.
    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self { code: 3, ..Self::new(message) }
    }

    /// Returns the exit code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Gives a failure the exit code 2, where 1 says that something differs.
    pub(crate) fn of_comparing(self) -> Self {
        Self { code: 2, ..self }
    }

    /// Returns a failure that only the exit code tells: 1.
    pub(crate) fn silent() -> Self {
        Self { quiet: true, ..Self::new("") }
    }

    /// Adds the chain of causes of `error`, without those that only repeat what is already said.
    pub(crate) fn caused_by(mut self, error: impl std::error::Error) -> Self {
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(cause) = next {
            let text = cause.to_string();
            let said = self.causes.last().unwrap_or(&self.message);
            if !said.contains(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  cause: {cause}")?;
        }
        for (index, hint) in self.hints.iter().enumerate() {
            write!(f, "{}hint: {hint}", if index == 0 { "\n\n" } else { "\n" })?;
        }
        Ok(())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { quiet, code: u8::from(!quiet), ..Self::new("output could not be written").caused_by(error) }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 404 && status.details.is_none() => {
                Self::new("the cluster does not know Rollouts")
                    .hint("`tiphys crds | kubectl apply --server-side -f -` installs them, `tiphys up` starts a sandbox with them")
            }
            kube::Error::Api(status) => Self::new(status.message.clone()),
            kube::Error::Auth(_) | kube::Error::Service(_) | kube::Error::HyperError(_) => {
                Self::new("the Kubernetes API could not be reached")
                    .caused_by(error)
                    .hint("`tiphys up` starts a sandbox; `--kubeconfig FILE` or `--context NAME` chooses a cluster")
            }
            error => Self::new("the Kubernetes API gave an answer that is not understood").caused_by(error),
        }
    }
}

impl From<tiphys_rollouts::Error> for Failure {
    fn from(error: tiphys_rollouts::Error) -> Self {
        match error {
            tiphys_rollouts::Error::Read { source, .. } => (*source).into(),
            error => Self::new("the Rollout cannot be read").caused_by(error),
        }
    }
}

/// Prints a failure and returns its exit code.
pub(crate) fn report(printer: Printer, failure: &Failure) -> ExitCode {
    if !failure.quiet {
        printer.note(&failure.to_string());
    }
    ExitCode::from(failure.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_do_not_repeat_the_message_and_hints_come_last() {
        let io = std::io::Error::other("disk full");
        let failure = Failure::new("not saved").caused_by(&io).hint("free some space");
        assert_eq!(failure.to_string(), "error: not saved\n  cause: disk full\n\nhint: free some space");
        assert_eq!(Failure::new("disk full").caused_by(&io).to_string(), "error: disk full");
    }

    #[test]
    fn broken_pipe_is_quiet_success() {
        let failure = Failure::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(failure.quiet);
        assert_eq!(failure.code, 0);
    }
}
