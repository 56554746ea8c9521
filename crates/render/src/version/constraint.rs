//! Ranges of versions: `>=1.2 <2`, `^1`, `~1.2`, `1.x`, `1.0 - 1.5`, alternatives with `||`.

use std::cmp::Ordering;

use super::{Version, are_identifiers};

/// A range of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// One of the groups must hold, all terms of it.
    groups: Vec<Vec<Term>>,
}

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("improper constraint: {0}")]
pub struct ConstraintError(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    None,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// From which number on a version is a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Wild {
    Major,
    Minor,
    Patch,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    operator: Operator,
    version: Version,
    wild: Wild,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("=", Operator::None),
];

impl Constraint {
    /// Reads a range.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let groups: Option<Vec<_>> = text.split("||").map(group).collect();
        groups.map(|groups| Self { groups }).ok_or_else(|| ConstraintError(text.to_owned()))
    }

    /// Returns whether `version` is in the range. Pre-releases only are where a term of the same group names one.
    #[must_use]
    pub fn has(&self, version: &Version) -> bool {
        self.groups.iter().any(|terms| {
            let with_pre_releases = terms.iter().any(|term| !term.version.pre_release.is_empty());
            (with_pre_releases || version.pre_release.is_empty()) && terms.iter().all(|term| term.has(version))
        })
    }
}

/// Reads terms that are apart by spaces or a comma.
fn group(text: &str) -> Option<Vec<Term>> {
    let mut rest = text.trim();
    let mut terms = Vec::new();
    loop {
        let (term, after) = term(rest)?;
        let after_term = after.trim_start();
        if let Some(after) = range_end(after, after_term) {
            let (end, after) = self::term(after)?;
            terms.push(Term { operator: Operator::GreaterOrEqual, ..term });
            terms.push(Term { operator: Operator::LessOrEqual, ..end });
            rest = after.trim_start();
        } else {
            terms.push(term);
            rest = after_term;
        }
        if rest.is_empty() {
            return Some(terms);
        }
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

/// Returns what follows the hyphen of `1.0 - 1.5`.
fn range_end<'t>(after: &str, after_term: &'t str) -> Option<&'t str> {
    let end = after_term.strip_prefix('-')?;
    (after.len() > after_term.len() && end.starts_with(' ')).then(|| end.trim_start())
}

fn term(text: &str) -> Option<(Term, &str)> {
    let found = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign));
    let (sign, operator) = found.copied().unwrap_or(("", Operator::None));
    let text = text[sign.len()..].trim_start();
    let end = text.find([' ', ',', '\t']).unwrap_or(text.len());
    let (version, wild) = wild_version(&text[..end])?;
    Some((Term { operator, version, wild }, &text[end..]))
}

fn wild_version(text: &str) -> Option<(Version, Wild)> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let end = plain.find(['-', '+']).unwrap_or(plain.len());
    let (numbers, tail) = plain.split_at(end);
    let build_at = tail.find('+').unwrap_or(tail.len());
    let (pre_release, build) = tail.split_at(build_at);
    if build.strip_prefix('+').is_some_and(|build| !are_identifiers(build)) {
        return None;
    }
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_wild = |part: &str| matches!(part, "x" | "X" | "*");
    if parts.len() > 3 || parts.iter().any(|p| !is_wild(p) && (p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())))
    {
        return None;
    }
    let missing = |at: usize| parts.get(at).is_none_or(|part| is_wild(part));
    let (wild, numbers) = if missing(0) {
        (Wild::Major, "0.0.0".to_owned())
    } else if missing(1) {
        (Wild::Minor, format!("{}.0.0", parts[0]))
    } else if missing(2) {
        (Wild::Patch, format!("{}.{}.0", parts[0], parts[1]))
    } else {
        (Wild::Nothing, numbers.to_owned())
    };
    Some((Version::parse(&format!("{numbers}{pre_release}")).ok()?, wild))
}

impl Term {
    fn has(&self, version: &Version) -> bool {
        let order = version.precedence(&self.version);
        match self.operator {
            Operator::None if self.wild == Wild::Nothing => order.is_eq(),
            Operator::None | Operator::Tilde => self.has_tilde(version, order),
            Operator::NotEqual => self.differs(version, order),
            Operator::Greater => self.is_below(version, order),
            Operator::Less => order.is_lt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::LessOrEqual => self.reaches(version, order),
            Operator::Caret => self.has_caret(version, order),
        }
    }

    fn same_minor(&self, version: &Version) -> bool {
        (self.version.major, self.version.minor) == (version.major, version.minor)
    }

    fn differs(&self, version: &Version, order: Ordering) -> bool {
        match self.wild {
            Wild::Nothing | Wild::Major => order.is_ne(),
            Wild::Minor => version.major != self.version.major,
            Wild::Patch => {
                let with_pre_release = !(version.pre_release.is_empty() && self.version.pre_release.is_empty());
                !self.same_minor(version)
                    || with_pre_release && super::pre_releases(&version.pre_release, &self.version.pre_release).is_ne()
            }
        }
    }

    /// `>1` begins with 2, `>1.1` with 1.2.
    fn is_below(&self, version: &Version, order: Ordering) -> bool {
        match self.wild {
            Wild::Nothing | Wild::Major => order.is_gt(),
            Wild::Minor => version.major > self.version.major,
            Wild::Patch => (version.major, version.minor) > (self.version.major, self.version.minor),
        }
    }

    /// `<=1` has all of 1, `<=1.1` all of 1.1.
    fn reaches(&self, version: &Version, order: Ordering) -> bool {
        match self.wild {
            Wild::Nothing => order.is_le(),
            Wild::Minor => version.major <= self.version.major,
            Wild::Major | Wild::Patch => (version.major, version.minor) <= (self.version.major, self.version.minor),
        }
    }

    fn has_tilde(&self, version: &Version, order: Ordering) -> bool {
        let everything = self.version.numbers() == (0, 0, 0) && matches!(self.wild, Wild::Nothing | Wild::Major);
        let same = version.major == self.version.major && (self.wild == Wild::Minor || self.same_minor(version));
        order.is_ge() && (everything || same)
    }

    fn has_caret(&self, version: &Version, order: Ordering) -> bool {
        let same = if self.version.major > 0 || self.wild == Wild::Minor {
            version.major == self.version.major
        } else if self.version.minor > 0 || self.wild == Wild::Patch {
            self.same_minor(version)
        } else {
            version.numbers() == self.version.numbers()
        };
        order.is_ge() && same
    }
}
