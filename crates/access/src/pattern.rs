//! Globs and regular expressions of a policy.

use regex::{Regex, RegexBuilder};

/// Size that a compiled pattern may have, in bytes.
const SIZE: usize = 1 << 20;

/// How resources, actions and objects of rules are matched (`policy.matchMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchMode {
    /// `*` (crosses `/`), `?`, `[a-z]`, `[!a-z]`, `{a,b}`, `\x`.
    #[default]
    Glob,
    /// A regular expression that is searched for, not anchored.
    Regex,
}

impl MatchMode {
    /// Reads `policy.matchMode`. Anything that is not `regex` is a glob, as upstream has it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "regex" { Self::Regex } else { Self::Glob }
    }
}

/// A compiled pattern. One that cannot be compiled matches nothing.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Everything, which is the most frequent one.
    Anything,
    /// Exactly this text.
    Exactly(String),
    /// What this expression matches.
    Expression(Box<Regex>),
    /// Nothing: the pattern cannot be read.
    Nothing,
}

impl Pattern {
    /// Compiles a pattern of a rule.
    #[must_use]
    pub fn new(text: &str, mode: MatchMode) -> Self {
        match mode {
            MatchMode::Glob if text == "*" => Self::Anything,
            MatchMode::Glob if !text.contains(['*', '?', '[', '{', '\\', ']', '}']) => Self::Exactly(text.to_owned()),
            MatchMode::Glob => translate(text).and_then(|text| compile(&text)).map_or(Self::Nothing, Self::Expression),
            MatchMode::Regex => compile(text).map_or(Self::Nothing, Self::Expression),
        }
    }

    /// Returns whether a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Exactly(exactly) => exactly == text,
            Self::Expression(expression) => expression.is_match(text),
            Self::Nothing => false,
        }
    }
}

fn compile(text: &str) -> Option<Box<Regex>> {
    RegexBuilder::new(text).size_limit(SIZE).build().ok().map(Box::new)
}

/// Writes a glob as an anchored regular expression. `None` where brackets do not fit.
fn translate(glob: &str) -> Option<String> {
    let mut expression = String::from("(?s)^");
    let mut depth = 0_u32;
    let mut rest = glob.chars();
    while let Some(found) = rest.next() {
        match found {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => expression.push_str(&class(&mut rest)?),
            '{' => {
                depth += 1;
                expression.push_str("(?:");
            }
            ',' if depth > 0 => expression.push('|'),
            '}' => {
                depth = depth.checked_sub(1)?;
                expression.push(')');
            }
            '\\' => expression.push_str(&regex::escape(&rest.next()?.to_string())),
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    (depth == 0).then_some(expression)
}

/// Reads a class behind its `[`: characters or one range, `!` in front excludes them.
fn class(rest: &mut std::str::Chars<'_>) -> Option<String> {
    let mut inside = String::new();
    loop {
        match rest.next()? {
            ']' => break,
            '\\' => inside.push(rest.next()?),
            other => inside.push(other),
        }
    }
    let (excluded, inside) = inside.strip_prefix('!').map_or((false, inside.as_str()), |inside| (true, inside));
    if inside.is_empty() {
        return None;
    }
    let caret = if excluded { "^" } else { "" };
    let mut range = inside.chars();
    let body = match (range.next(), range.next(), range.next(), range.next()) {
        (Some(low), Some('-'), Some(high), None) if low <= high => format!("{}-{}", quoted(low), quoted(high)),
        _ => inside.chars().map(quoted).collect(),
    };
    Some(format!("[{caret}{body}]"))
}

/// A character as a class of a regular expression takes it literally.
fn quoted(character: char) -> String {
    if character.is_alphanumeric() { character.to_string() } else { format!("\\x{{{:x}}}", u32::from(character)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts_across_slashes() {
        for (glob, text, expected) in [
            ("*", "", true),
            ("*/*", "team/ns/app", true),
            ("team-?", "team-a", true),
            ("team-?", "team-ab", false),
            ("team-[ab]/*", "team-b/x", true),
            ("team-[!ab]/*", "team-b/x", false),
            ("team-[a-c]", "team-b", true),
            ("team-[^a]", "team-^", true),
            ("{get,sync}", "sync", true),
            ("{get,sync}", "synced", false),
            ("a.b", "axb", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("{a,{b,c}}", "c", true),
            ("a,b", "a,b", true),
        ] {
            assert_eq!(Pattern::new(glob, MatchMode::Glob).matches(text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn what_cannot_be_read_matches_nothing() {
        for (text, mode) in
            [("[", MatchMode::Glob), ("{a", MatchMode::Glob), ("a}", MatchMode::Glob), ("(", MatchMode::Regex)]
        {
            assert!(!Pattern::new(text, mode).matches(text), "{text}");
        }
    }

    #[test]
    fn regular_expressions_are_searched_for() {
        assert!(Pattern::new("team-(a|b)", MatchMode::Regex).matches("x/team-b/y"));
        assert!(!Pattern::new("^get$", MatchMode::Regex).matches("gets"));
    }
}
