//! The language of scenarios.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use super::expect::Expectation;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// What it says.
    pub command: Command,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A person applies these objects.
    Apply(Vec<Value>),
    /// Another image.
    Image(String),
    /// All pods are to be recreated, after this time.
    Restart(Duration),
    /// A merge patch of the Rollout.
    PatchRollout(Value),
    /// A merge patch.
    Patch {
        /// Kind.
        kind: String,
        /// Name.
        name: String,
        /// The patch.
        patch: Value,
    },
    /// The pod template of the revision before is wanted again.
    Undo,
    /// Deletes an object.
    Delete {
        /// Kind.
        kind: String,
        /// Name.
        name: String,
    },
    /// The controller dies.
    Kill,
    /// The controller comes back.
    Start,
    /// Time passes.
    Wait(Duration),
    /// It holds at some time within this time.
    Within(Duration, Expectation),
    /// It holds all this time.
    For(Duration, Expectation),
    /// It holds from here to the end.
    Always(Expectation),
}

impl Command {
    /// Returns whether it changes something.
    #[must_use]
    pub fn is_act(&self) -> bool {
        !matches!(self, Self::Wait(_) | Self::Within(..) | Self::For(..) | Self::Always(_))
    }
}

/// Reads a scenario.
///
/// # Errors
/// The number of the first line that cannot be read, and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut lines = Vec::new();
    let mut rest = text.lines().enumerate().peekable();
    while let Some((at, line)) = rest.next() {
        let (number, said) = (at + 1, line.trim());
        if said.is_empty() || said.starts_with('#') {
            continue;
        }
        if line.starts_with(char::is_whitespace) {
            return Err((number, "an indented line belongs to `apply`, and there is none before it".into()));
        }
        let mut block = String::new();
        while let Some((_, more)) = rest.next_if(|(_, more)| more.starts_with(char::is_whitespace)) {
            block.push_str(more);
            block.push('\n');
        }
        lines.push(Line { number, command: command(said, &block).map_err(|text| (number, text))? });
    }
    Ok(lines)
}

fn command(said: &str, block: &str) -> Result<Command, String> {
    let (word, rest) = first_word(said);
    if !block.is_empty() && word != "apply" {
        return Err(format!("nothing may be indented below `{word}`"));
    }
    match (word, rest) {
        ("apply", "") => objects(block).map(Command::Apply),
        ("image", image) if !image.is_empty() => Ok(Command::Image(image.to_owned())),
        ("restart", "") => Ok(Command::Restart(Duration::ZERO)),
        ("restart", rest) if rest.starts_with("in ") => duration(&rest[3..]).map(Command::Restart),
        ("undo", "") => Ok(Command::Undo),
        ("kill", "controller") => Ok(Command::Kill),
        ("start", "controller") => Ok(Command::Start),
        ("wait", time) => duration(time).map(Command::Wait),
        ("delete", rest) => {
            let (kind, name) = pair(rest)?;
            Ok(Command::Delete { kind, name })
        }
        ("patch", rest) => patch(rest),
        ("within", rest) => timed(rest).map(|(time, expectation)| Command::Within(time, expectation)),
        ("for", rest) => timed(rest).map(|(time, expectation)| Command::For(time, expectation)),
        ("now", rest) => Expectation::parse(rest).map(|expectation| Command::Within(Duration::ZERO, expectation)),
        ("always", rest) => Expectation::parse(rest).map(Command::Always),
        _ => person(said).map(Command::PatchRollout),
    }
}

/// The commands that are merge patches.
fn person(said: &str) -> Result<Value, String> {
    let text = match said {
        "promote" => r#"{"status":{"pauseConditions":null}}"#.to_owned(),
        "promote full" => r#"{"status":{"promoteFull":true}}"#.to_owned(),
        "abort" => r#"{"status":{"abort":true}}"#.to_owned(),
        "retry" => r#"{"status":{"abort":false}}"#.to_owned(),
        "pause" => r#"{"spec":{"paused":true}}"#.to_owned(),
        "resume" => r#"{"spec":{"paused":false}}"#.to_owned(),
        _ => match said.strip_prefix("scale ").map(str::parse::<i64>) {
            Some(Ok(replicas)) => format!(r#"{{"spec":{{"replicas":{replicas}}}}}"#),
            _ => {
                return Err(format!(
                    "`{said}` is no act and no expectation; `within`, `for`, `now` or `always` begin one"
                ));
            }
        },
    };
    json(&text)
}

fn patch(rest: &str) -> Result<Command, String> {
    let (kind, rest) = first_word(rest);
    let (name, patch) = first_word(rest);
    Ok(Command::Patch { kind: kind.to_owned(), name: name.to_owned(), patch: json(patch)? })
}

fn timed(rest: &str) -> Result<(Duration, Expectation), String> {
    let (time, expectation) = first_word(rest);
    Ok((duration(time)?, Expectation::parse(expectation)?))
}

fn pair(rest: &str) -> Result<(String, String), String> {
    match rest.split_whitespace().collect::<Vec<_>>().as_slice() {
        [kind, name] => Ok(((*kind).to_owned(), (*name).to_owned())),
        _ => Err(format!("`{rest}` is no kind and name")),
    }
}

fn objects(block: &str) -> Result<Vec<Value>, String> {
    let width =
        block.lines().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len()).min();
    let text: Vec<&str> = block.lines().map(|line| line.get(width.unwrap_or(0)..).unwrap_or_default()).collect();
    let documents = text.split(|line| *line == "---").map(|lines| lines.join("\n"));
    let read = |text: String| serde_saphyr::from_str(&text).map_err(|error| format!("this is no YAML: {error}"));
    let objects: Vec<Value> = documents.filter(|text| !text.trim().is_empty()).map(read).collect::<Result<_, _>>()?;
    if objects.is_empty() { Err("`apply` needs YAML, indented below it".into()) } else { Ok(objects) }
}

pub(super) fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("`{text}` is no JSON: {error}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<SignedDuration, _> = text.parse();
    let duration = parsed.ok().and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| format!("`{text}` is no time such as 30s, 5m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (name, text, line, part) in [
            ("unknown act", "wait 1s\n\nfly away\n", 3, "`fly away` is no act"),
            ("no time", "wait soon", 1, "no time such as 30s"),
            ("stray indentation", "# x\n  a: b", 2, "belongs to `apply`"),
            ("block below something else", "abort\n  a: b", 1, "nothing may be indented below `abort`"),
            ("apply of nothing", "apply\n", 1, "needs YAML"),
            ("bad YAML", "apply\n    a: [", 1, "this is no YAML"),
            ("unknown expectation", "within 1s love", 1, "`love` is nothing that can be expected"),
            ("no number", "now ready >= many", 1, "`many` is no number"),
            ("bad patch", "patch Pod a {", 1, "is no JSON"),
        ] {
            let (at, told) = parse(text).unwrap_err();
            assert!(at == line && told.contains(part), "{name}: line {at}, {told}");
        }
    }

    #[test]
    fn several_documents_are_several_objects() {
        let lines = parse("apply\n    kind: A\n    ---\n    kind: B\n    spec:\n      x: 1\nwait 1m30s\n").unwrap();
        let Command::Apply(objects) = &lines[0].command else { panic!("{lines:?}") };
        assert_eq!(objects[1], serde_json::json!({"kind": "B", "spec": {"x": 1}}));
        assert_eq!(lines[1], Line { number: 7, command: Command::Wait(Duration::from_secs(90)) });
    }
}
