//! Patterns of names as shells know them, in the two dialects that Go programs use.
//!
//! | | [`Glob`] | [`path_match`] |
//! | --- | --- | --- |
//! | `*` | any run of characters that are no separator | the same, the separator is `/` |
//! | `**` | any run of characters | as `*` |
//! | `?` | one character that is no separator | the same |
//! | `[abc]`, `[a-z]` | one of a list, or of one range; `!` negates | lists of characters and ranges; `^` negates |
//! | `{a,b}` | one of several patterns | itself |
//! | `\c` | `c` itself | the same |

/// How many steps a match may take: patterns come from users, and some backtrack without end.
const MAX_STEPS: u32 = 1_000_000;

/// A pattern that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct GlobError;

/// A pattern with alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    separators: Vec<char>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Char(char),
    Single,
    Any,
    Super,
    Class { negated: bool, ranges: Vec<(char, char)> },
    OneOf(Vec<Vec<Part>>),
}

impl Glob {
    /// Reads a pattern; `*` and `?` do not match `separators`.
    ///
    /// # Errors
    /// When a class is not closed, is empty, or has its ends the wrong way round.
    pub fn new(pattern: &str, separators: &[char]) -> Result<Self, GlobError> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut reader = Reader { chars: &chars, at: 0 };
        let parts = reader.sequence(0)?;
        Ok(Self { parts, separators: separators.to_vec() })
    }

    /// Returns whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut steps = MAX_STEPS;
        let parts: Vec<&Part> = self.parts.iter().collect();
        Matcher { separators: &self.separators, steps: &mut steps }.run(&parts, &text)
    }
}

/// Returns whether `text` matches `pattern`; a pattern that cannot be read matches nothing.
#[must_use]
pub fn matches(pattern: &str, text: &str, separators: &[char]) -> bool {
    Glob::new(pattern, separators).is_ok_and(|glob| glob.matches(text))
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    /// Reads up to the end, or within alternatives up to `,` or `}`, which stay.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Part>, GlobError> {
        let mut parts = Vec::new();
        while let Some(&c) = self.chars.get(self.at) {
            if depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            self.at += 1;
            parts.push(match c {
                '\\' => match self.next() {
                    Some(c) => Part::Char(c),
                    None => break,
                },
                '?' => Part::Single,
                '*' if self.chars.get(self.at) == Some(&'*') => {
                    self.at += 1;
                    Part::Super
                }
                '*' => Part::Any,
                '[' => self.class()?,
                '{' => Part::OneOf(self.alternatives(depth + 1)?),
                c => Part::Char(c),
            });
        }
        Ok(parts)
    }

    /// Alternatives that are not closed end with the pattern.
    fn alternatives(&mut self, depth: usize) -> Result<Vec<Vec<Part>>, GlobError> {
        let mut all = Vec::new();
        loop {
            all.push(self.sequence(depth)?);
            if self.next() != Some(',') {
                return Ok(all);
            }
        }
    }

    fn class(&mut self) -> Result<Part, GlobError> {
        let negated = self.chars.get(self.at) == Some(&'!');
        self.at += usize::from(negated);
        let first = self.next().ok_or(GlobError)?;
        if self.chars.get(self.at) == Some(&'-') {
            self.at += 1;
            let last = self.next().ok_or(GlobError)?;
            if self.next() != Some(']') || first > last {
                return Err(GlobError);
            }
            return Ok(Part::Class { negated, ranges: vec![(first, last)] });
        }
        self.at -= 1;
        let mut ranges = Vec::new();
        loop {
            match self.next().ok_or(GlobError)? {
                ']' if ranges.is_empty() => return Err(GlobError),
                ']' => return Ok(Part::Class { negated, ranges }),
                '\\' => {
                    let c = self.next().ok_or(GlobError)?;
                    ranges.push((c, c));
                }
                c => ranges.push((c, c)),
            }
        }
    }
}

struct Matcher<'a> {
    separators: &'a [char],
    steps: &'a mut u32,
}

impl Matcher<'_> {
    fn run(&mut self, parts: &[&Part], text: &[char]) -> bool {
        if *self.steps == 0 {
            return false;
        }
        *self.steps -= 1;
        let Some((part, rest)) = parts.split_first() else {
            return text.is_empty();
        };
        match part {
            Part::Any | Part::Super => self.run_star(matches!(part, Part::Super), rest, text),
            Part::OneOf(all) => all.iter().any(|one| {
                let joined: Vec<&Part> = one.iter().chain(rest.iter().copied()).collect();
                self.run(&joined, text)
            }),
            part => text.split_first().is_some_and(|(c, tail)| self.is_one(part, *c) && self.run(rest, tail)),
        }
    }

    fn run_star(&mut self, crosses: bool, rest: &[&Part], text: &[char]) -> bool {
        for taken in 0..=text.len() {
            if self.run(rest, &text[taken..]) {
                return true;
            }
            if text.get(taken).is_none_or(|c| !crosses && self.separators.contains(c)) {
                return false;
            }
        }
        false
    }

    fn is_one(&self, part: &Part, c: char) -> bool {
        match part {
            Part::Char(wanted) => c == *wanted,
            Part::Single => !self.separators.contains(&c),
            Part::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
            Part::Any | Part::Super | Part::OneOf(_) => false,
        }
    }
}

/// Returns whether `text` matches `pattern` as Go's `path.Match` has it; a malformed pattern matches nothing.
#[must_use]
pub fn path_match(pattern: &str, text: &str) -> bool {
    path_glob(pattern).is_ok_and(|glob| glob.matches(text))
}

/// Reads a pattern as Go's `path.Match` does.
///
/// # Errors
/// When a class is not closed or malformed, or the pattern ends with `\`.
pub fn path_glob(pattern: &str) -> Result<Glob, GlobError> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut reader = Reader { chars: &chars, at: 0 };
    let mut parts = Vec::new();
    while let Some(c) = reader.next() {
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::Single,
            '\\' => Part::Char(reader.next().ok_or(GlobError)?),
            '[' => path_class(&mut reader)?,
            c => Part::Char(c),
        });
    }
    Ok(Glob { parts, separators: vec!['/'] })
}

fn path_class(reader: &mut Reader<'_>) -> Result<Part, GlobError> {
    let negated = reader.chars.get(reader.at) == Some(&'^');
    reader.at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        if reader.chars.get(reader.at) == Some(&']') && !ranges.is_empty() {
            reader.at += 1;
            return Ok(Part::Class { negated, ranges });
        }
        let low = path_class_char(reader)?;
        let high = if reader.chars.get(reader.at) == Some(&'-') {
            reader.at += 1;
            path_class_char(reader)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

fn path_class_char(reader: &mut Reader<'_>) -> Result<char, GlobError> {
    match reader.next() {
        None | Some('-' | ']') => Err(GlobError),
        Some('\\') => reader.next().ok_or(GlobError),
        Some(c) => Ok(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, wanted) in [
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("a/*", "a/b", true),
            ("{a,b}*", "bc", true),
            ("{a,b}*", "c", false),
            ("{a", "a", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[abc]", "d", false),
            ("[", "[", false),
            (r"\*", "*", true),
            ("web-?", "web-1", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text, &['/']), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn paths_match_as_in_go() {
        for (pattern, text, wanted) in [
            ("*.k8s.io", "apps.k8s.io", true),
            ("{a}", "{a}", true),
            ("[A-C]*", "ConfigMap", true),
            ("[^A]*", "ConfigMap", true),
            ("[a", "a", false),
            ("a*/b", "a/b", true),
            ("*", "a/b", false),
        ] {
            assert_eq!(path_match(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_that_would_backtrack_for_ever_gives_up() {
        let pattern = "a*".repeat(40) + "b";
        assert!(!matches(&pattern, &"a".repeat(200), &[]));
    }
}
