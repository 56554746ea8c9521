//! Compares a Kubernetes API with a reference, case by case.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tiphys_conformance::case::{self, Case};
use tiphys_conformance::compare::{Difference, KnownDifferences, differences};
use tiphys_conformance::normal::normalise;
use tiphys_conformance::play::{Transcript, play};

/// Plays the conformance cases against a reference and, if given, a subject, and compares their answers.
#[derive(Parser)]
struct Arguments {
    /// kubeconfig of the reference: a real kube-apiserver
    #[arg(long)]
    reference: PathBuf,
    /// kubeconfig of the server to compare with it; without it the reference's answers are only checked for their codes
    #[arg(long)]
    subject: Option<PathBuf>,
    /// only cases whose name contains this text
    #[arg(long, default_value = "")]
    case: String,
    /// only cases of files whose name contains this text
    #[arg(long, default_value = "")]
    file: String,
    /// ends the names of namespaces, so that a reference can be asked again
    #[arg(long, default_value = "")]
    suffix: String,
    /// print the reference's answers
    #[arg(long)]
    print: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut cases = case::load(&case::folder())?;
    cases.retain(|c| c.case.contains(&arguments.case) && c.file.contains(&arguments.file));
    let reference = client(&arguments.reference).await?;
    let subject = match &arguments.subject {
        Some(file) => Some(client(file).await?),
        None => None,
    };
    let mut report = Report::new(arguments.print)?;
    for case in &cases {
        let begun = tokio::time::Instant::now();
        let expected = play(&reference, case, &arguments.suffix).await;
        let answered = match &subject {
            Some(subject) => Some(play(subject, case, &arguments.suffix).await),
            None => None,
        };
        report.case(case, &expected, answered.as_ref())?;
        if begun.elapsed().as_secs() > 5 {
            writeln!(std::io::stdout(), "slow: {} took {} s", case.case, begun.elapsed().as_secs())?;
        }
    }
    let whole = arguments.case.is_empty() && arguments.file.is_empty() && subject.is_some();
    report.close(whole)
}

async fn client(file: &Path) -> Result<kube::Client> {
    let kubeconfig = Kubeconfig::read_from(file).with_context(|| format!("read {}", file.display()))?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // An answer is compared, whatever it asks the client to do.
    config.default_retry = false;
    Ok(kube::Client::try_from(config)?)
}

/// Prints what differs and counts.
struct Report {
    known: KnownDifferences,
    print: bool,
    passed: usize,
    failed: usize,
}

impl Report {
    fn new(print: bool) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let known = KnownDifferences::load(&folder.join("differences.yaml"))?;
        Ok(Self { known, print, passed: 0, failed: 0 })
    }

    fn case(&mut self, case: &Case, reference: &Transcript, subject: Option<&Transcript>) -> Result<()> {
        let expected = normalise(reference, &case.steps);
        let mut lines = Vec::new();
        lines.extend(reference.broken.iter().map(|broken| format!("  reference: {broken}")));
        if self.print {
            for (answer, value) in reference.answers.iter().zip(&expected) {
                writeln!(std::io::stdout(), "{}\n{value:#}", answer.request)?;
            }
        }
        if let Some(subject) = subject {
            lines.extend(subject.broken.iter().map(|broken| format!("  subject: {broken}")));
            let answered = normalise(subject, &case.steps);
            for (step, pair) in expected.iter().zip(&answered).enumerate() {
                let mut found = differences(pair.0, pair.1);
                found.retain(|d| !self.known.explains(&case.case, step + 1, &d.at));
                if !found.is_empty() {
                    lines.push(format!("  step {}: {}", step + 1, subject.answers[step].request));
                }
                lines.extend(found.iter().map(line));
            }
        }
        self.count(&case.case, &lines)
    }

    fn count(&mut self, name: &str, lines: &[String]) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if lines.is_empty() {
            self.passed += 1;
            return Ok(());
        }
        self.failed += 1;
        writeln!(out, "FAILED {name}")?;
        for line in lines {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn close(self, whole: bool) -> Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        let mut failed = self.failed;
        for known in self.known.stale().filter(|_| whole) {
            writeln!(out, "STALE differences.yaml: {} {}: nothing differs there any more", known.case, known.at)?;
            failed += 1;
        }
        writeln!(out, "\nconformance: {} passed, {failed} failed", self.passed)?;
        Ok(ExitCode::from(u8::from(failed > 0)))
    }
}

fn line(difference: &Difference) -> String {
    let text = |value: &Option<serde_json::Value>| value.as_ref().map_or("(absent)".to_owned(), ToString::to_string);
    let (reference, subject) = (text(&difference.reference), text(&difference.subject));
    format!("    {}\n      reference {reference}\n      subject   {subject}", difference.at)
}
