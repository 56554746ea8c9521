//! Lua's patterns, with a limit on the steps of a match: some patterns backtrack without end.

/// How many parts of a pattern can be captured.
const MAX_CAPTURES: usize = 32;
/// How many steps one match may take.
const MAX_STEPS: u64 = 4_000_000;
/// How deep a match may nest.
const MAX_DEPTH: u32 = 2_000;

/// Why a match was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    #[error("malformed pattern")]
    Malformed,
    #[error("pattern too complex")]
    TooComplex,
}

/// A part of the subject that a pattern captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    /// From and to.
    Range(usize, usize),
    /// `()`: the position, from 0.
    Position(usize),
}

/// A match: the whole of it, and the captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) captures: Vec<Capture>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    from: usize,
    /// `None` while it is open.
    to: Option<usize>,
    position: bool,
}

struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Open>,
    steps: u64,
    depth: u32,
}

type Found = Result<Option<usize>, PatternError>;

/// Returns the first match at or after `start`.
pub(super) fn find(subject: &[u8], pattern: &[u8], start: usize) -> Result<Option<Match>, PatternError> {
    let anchored = pattern.first() == Some(&b'^');
    let pattern = if anchored { &pattern[1..] } else { pattern };
    let mut matcher = Matcher { subject, pattern, captures: Vec::new(), steps: MAX_STEPS, depth: 0 };
    for from in start..=subject.len() {
        matcher.captures.clear();
        if let Some(to) = matcher.run(from, 0)? {
            let captures = matcher.captures.iter().map(Open::finish).collect::<Result<_, _>>()?;
            return Ok(Some(Match { from, to, captures }));
        }
        if anchored {
            break;
        }
    }
    Ok(None)
}

impl Open {
    fn finish(&self) -> Result<Capture, PatternError> {
        match (self.position, self.to) {
            (true, _) => Ok(Capture::Position(self.from)),
            (false, Some(to)) => Ok(Capture::Range(self.from, to)),
            (false, None) => Err(PatternError::Malformed),
        }
    }
}

impl Matcher<'_> {
    /// Matches the pattern from `p` on at `s`; returns where the match ends.
    fn run(&mut self, s: usize, p: usize) -> Found {
        self.steps = self.steps.checked_sub(1).ok_or(PatternError::TooComplex)?;
        if self.depth >= MAX_DEPTH {
            return Err(PatternError::TooComplex);
        }
        self.depth += 1;
        let found = self.step(s, p);
        self.depth -= 1;
        found
    }

    fn step(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.steps = self.steps.checked_sub(1).ok_or(PatternError::TooComplex)?;
            let Some(&c) = self.pattern.get(p) else { return Ok(Some(s)) };
            let next = self.pattern.get(p + 1).copied();
            match (c, next) {
                (b'(', Some(b')')) => return self.open(s, p + 2, true),
                (b'(', _) => return self.open(s, p + 1, false),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (b'%', Some(b'b')) => return self.balanced(s, p + 2),
                (b'%', Some(b'f')) => {
                    let end = self.class_end(p + 2)?;
                    if self.pattern.get(p + 2) != Some(&b'[') || !self.is_frontier(s, p + 2, end) {
                        return Ok(None);
                    }
                    p = end;
                    continue;
                }
                (b'%', Some(digit)) if digit.is_ascii_digit() => {
                    let Some(after) = self.back_reference(s, digit)? else { return Ok(None) };
                    (s, p) = (after, p + 2);
                    continue;
                }
                _ => {}
            }
            let end = self.class_end(p)?;
            match self.pattern.get(end) {
                Some(b'?') => {
                    if self.is_single(s, p, end)
                        && let Some(found) = self.run(s + 1, end + 1)?
                    {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'*') => return self.longest(s, p, end, 0),
                Some(b'+') => return self.longest(s, p, end, 1),
                Some(b'-') => return self.shortest(s, p, end),
                _ => {
                    if !self.is_single(s, p, end) {
                        return Ok(None);
                    }
                    (s, p) = (s + 1, end);
                }
            }
        }
    }

    fn longest(&mut self, s: usize, p: usize, end: usize, least: usize) -> Found {
        let mut count = 0;
        while self.is_single(s + count, p, end) {
            count += 1;
        }
        self.steps = self.steps.checked_sub(count as u64).ok_or(PatternError::TooComplex)?;
        while count >= least {
            if let Some(found) = self.run(s + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                break;
            }
            count -= 1;
        }
        Ok(None)
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.run(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.is_single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn open(&mut self, s: usize, p: usize, position: bool) -> Found {
        if self.captures.len() >= MAX_CAPTURES {
            return Err(PatternError::Malformed);
        }
        self.captures.push(Open { from: s, to: position.then_some(s), position });
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Found {
        let open = self.captures.iter().rposition(|capture| capture.to.is_none()).ok_or(PatternError::Malformed)?;
        self.captures[open].to = Some(s);
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures[open].to = None;
        }
        Ok(found)
    }

    fn balanced(&mut self, s: usize, p: usize) -> Found {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(PatternError::Malformed);
        };
        if self.subject.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut level = 0_usize;
        for (at, c) in self.subject.iter().enumerate().skip(s) {
            if *c == close && level == 1 {
                return self.run(at + 1, p + 2);
            }
            level = if *c == close { level - 1 } else { level + usize::from(*c == open) };
        }
        Ok(None)
    }

    fn is_frontier(&self, s: usize, class: usize, end: usize) -> bool {
        let at = |s: Option<usize>| s.and_then(|s| self.subject.get(s)).copied().unwrap_or_default();
        !self.is_in_set(at(s.checked_sub(1)), class, end) && self.is_in_set(at(Some(s)), class, end)
    }

    fn back_reference(&self, s: usize, digit: u8) -> Found {
        let capture = usize::from(digit).checked_sub(usize::from(b'1')).and_then(|at| self.captures.get(at));
        let Some(Open { from, to: Some(to), .. }) = capture else { return Err(PatternError::Malformed) };
        let text = &self.subject[*from..*to];
        Ok(self.subject[s..].starts_with(text).then_some(s + text.len()))
    }

    fn class_end(&self, p: usize) -> Result<usize, PatternError> {
        match self.pattern.get(p) {
            None => Err(PatternError::Malformed),
            Some(b'%') if self.pattern.len() > p + 1 => Ok(p + 2),
            Some(b'%') => Err(PatternError::Malformed),
            Some(b'[') => {
                let mut at = p + 1;
                if self.pattern.get(at) == Some(&b'^') {
                    at += 1;
                }
                loop {
                    let c = self.pattern.get(at).ok_or(PatternError::Malformed)?;
                    at += 1;
                    if *c == b'%' {
                        at += 1;
                    }
                    if self.pattern.get(at) == Some(&b']') {
                        return Ok(at + 1);
                    }
                }
            }
            Some(_) => Ok(p + 1),
        }
    }

    fn is_single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&c) = self.subject.get(s) else { return false };
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_in_class(c, self.pattern[p + 1]),
            b'[' => self.is_in_set(c, p, end),
            wanted => wanted == c,
        }
    }

    fn is_in_set(&self, c: u8, p: usize, end: usize) -> bool {
        let inner = &self.pattern[p + 1..end - 1];
        let (negated, mut rest) = match inner.split_first() {
            Some((b'^', rest)) => (true, rest),
            _ => (false, inner),
        };
        while let Some((&first, tail)) = rest.split_first() {
            let (is_in, after) = match (first, tail) {
                (b'%', [class, after @ ..]) => (is_in_class(c, *class), after),
                (low, [b'-', high, after @ ..]) => ((low..=*high).contains(&c), after),
                (single, after) => (single == c, after),
            };
            if is_in {
                return !negated;
            }
            rest = after;
        }
        negated
    }
}

fn is_in_class(c: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'c' => c.is_ascii_control(),
        b'd' => c.is_ascii_digit(),
        b'g' => c.is_ascii_graphic(),
        b'l' => c.is_ascii_lowercase(),
        b'p' => c.is_ascii_punctuation(),
        b's' => c.is_ascii_whitespace() || c == 0x0b,
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        b'z' => c == 0,
        _ => return class == c,
    };
    is_in != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(subject: &str, pattern: &str, wanted: Option<&str>) {
        let found = find(subject.as_bytes(), pattern.as_bytes(), 0).unwrap();
        assert_eq!(found.map(|found| &subject[found.from..found.to]), wanted, "{pattern}");
    }

    #[test]
    fn patterns_match() {
        check("hello world", "o w", Some("o w"));
        check("hello", "l+", Some("ll"));
        check("hello", "^e", None);
        check("key = value", "(%w+)%s*=%s*(%w+)", Some("key = value"));
        check("THE (quick) fox", "%((%a+)%)", Some("(quick)"));
        check("a,b", "[^,]*", Some("a"));
        check("f(a(b)c)d", "%b()", Some("(a(b)c)"));
        check("<<a>>", "<(.-)>", Some("<<a>"));
        check("abab", "(ab)%1", Some("abab"));
        check("THE end", "%f[%l]%a+", Some("end"));
        check("x-1", "%-%d$", Some("-1"));
        check("[]]", "[]]", Some("]"));
    }

    #[test]
    fn a_match_without_end_is_given_up() {
        let subject = "a".repeat(5_000);
        let pattern = ".-".repeat(20) + "b";
        assert_eq!(find(subject.as_bytes(), pattern.as_bytes(), 0), Err(PatternError::TooComplex));
        assert_eq!(find(b"a", b"[", 0), Err(PatternError::Malformed));
    }
}
