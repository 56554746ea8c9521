//! Which commit a branch, a tag, a range of versions or `HEAD` is.

use crate::version::{Constraint, ConstraintError, Version};

/// Why a revision is nothing that is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// The revision is no range of versions.
    #[error("failed to determine semver constraint")]
    ParseConstraint(#[from] ConstraintError),
    /// No tag is in the range.
    #[error("version matching constraint not found in {0} tags")]
    FindVersion(usize),
    /// No branch, tag or other reference has the name.
    #[error("unable to resolve '{0}' to a commit SHA: revision not found")]
    Resolve(String),
}

/// A reference of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Full name, for instance `refs/heads/main`.
    pub name: String,
    /// What it points to.
    pub target: Target,
}

/// What a reference points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An object.
    Hash(String),
    /// Another reference, by its full name.
    Symbolic(String),
}

/// Returns whether `revision` is a range of versions and not a single one.
#[must_use]
pub fn is_constraint(revision: &str) -> bool {
    Version::parse(revision).is_err() && Constraint::parse(revision).is_ok()
}

/// Returns the newest tag in the range `revision`; for a tag itself or a single version, its tag.
///
/// Only tags with `prefix` count, which is not part of the version.
///
/// # Errors
/// When `revision` is no range or no tag is in it.
pub fn max_version(revision: &str, tags: &[&str], prefix: &str) -> Result<String, RevisionError> {
    let tag = format!("{prefix}{revision}");
    if tags.contains(&tag.as_str()) || Version::parse(revision).is_ok() {
        return Ok(tag);
    }
    let range = Constraint::parse(revision)?;
    let with_prefix: Vec<&str> = tags.iter().filter_map(|tag| tag.strip_prefix(prefix)).collect();
    let versions = with_prefix.iter().filter_map(|tag| Version::parse(tag).ok());
    let newest = versions
        .filter(|version| range.has(version))
        .reduce(|best, version| if version.precedence(&best).is_gt() { version } else { best });
    newest.map(|version| format!("{prefix}{}", version.original())).ok_or(RevisionError::FindVersion(with_prefix.len()))
}

/// Returns the commit that `revision` is (`HEAD` when empty): a full hash is taken as it is, as is a shortened one that
/// no reference is called.
///
/// # Errors
/// When there is no such reference.
pub fn resolve(revision: &str, references: &[Reference], tag_prefix: &str) -> Result<String, RevisionError> {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if revision.len() == 40 && is_hex(revision) {
        return Ok(revision.to_owned());
    }
    let tags: Vec<&str> = references.iter().filter_map(|r| r.name.strip_prefix("refs/tags/")).collect();
    let asked = if revision.is_empty() { "HEAD" } else { revision };
    let name = max_version(asked, &tags, tag_prefix).unwrap_or_else(|_| asked.to_owned());
    let by_short_name = short_name(&name) == name;
    let mut symbolic = None;
    for reference in references {
        if reference.name != name && !(by_short_name && short_name(&reference.name) == name) {
            continue;
        }
        match &reference.target {
            Target::Hash(hash) => return Ok(hash.clone()),
            Target::Symbolic(target) => symbolic = Some(target),
        }
    }
    let hash =
        symbolic.and_then(|target| references.iter().find(|r| r.name == *target)).and_then(|r| match &r.target {
            Target::Hash(hash) => Some(hash.clone()),
            Target::Symbolic(_) => None,
        });
    match hash {
        Some(hash) => Ok(hash),
        None if name.len() >= 7 && is_hex(&name) => Ok(name),
        None => Err(RevisionError::Resolve(name)),
    }
}

/// Returns the name of a reference as people write it.
#[must_use]
pub fn short_name(reference: &str) -> &str {
    let Some(rest) = reference.strip_prefix("refs/") else { return reference };
    ["heads/", "tags/", "remotes/"].into_iter().find_map(|kind| rest.strip_prefix(kind)).unwrap_or(rest)
}

/// Returns the revision that a pushed reference is: what follows its second slash.
#[must_use]
pub fn of_reference(reference: &str) -> &str {
    reference.splitn(3, '/').last().unwrap_or_default()
}

/// Returns whether a push of `pushed` changes what `target_revision` is.
///
/// `touched_head` tells whether the push was one to the default branch.
#[must_use]
pub fn is_changed_by_push(target_revision: &str, pushed: &str, touched_head: bool) -> bool {
    let target = of_reference(target_revision);
    if matches!(target, "HEAD" | "") {
        return touched_head;
    }
    let is_full = ["refs/heads/", "refs/tags/"].iter().any(|prefix| target_revision.starts_with(prefix));
    let target = if is_full { target } else { target_revision };
    let is_in_range = || Some(Constraint::parse(target).ok()?.has(&Version::parse(pushed).ok()?));
    pushed == target || is_in_range() == Some(true)
}
