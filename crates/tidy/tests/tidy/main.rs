//! The repository stays tidy: files and functions keep their size, nothing is left for later, no path of one machine.
//!
//! Limits that a file or function may exceed are listed in `tidy.toml` at the root, each with its reason and with the
//! exact number of lines: a listed one may only shrink, and leaves the list when it fits.

#![expect(clippy::expect_used, reason = "a check that cannot run must fail")]

mod sizes;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Paths of the files that git tracks or would track, relative to the root, sorted.
fn tracked() -> Vec<String> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files of the repository");
    assert!(out.status.success(), "git ls-files: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("paths are UTF-8");
    // A file deleted in the work tree is still in the index.
    let mut files: Vec<String> = text.lines().filter(|f| root().join(f).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    assert!(!files.is_empty(), "no file is tracked");
    files
}

/// The text of a file, or nothing where it is not text.
fn text(file: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    String::from_utf8(bytes).ok()
}

/// Fails with one line a finding.
#[track_caller]
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn changelog_exists() {
    assert!(root().join("CHANGELOG.md").is_file(), "CHANGELOG.md is missing");
}
