//! What a container's command would do: a tiny part of the shell's language, played without running anything.

use jiff::SignedDuration;

/// What is known about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Nothing: it runs for as long as such containers do.
    Unknown,
    /// The file to run does not exist.
    Absent(String),
    /// All of it.
    Known(Course),
}

/// What happens, in time from the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    /// When it ends and with which exit code; `None` if it runs forever.
    pub end: Option<(SignedDuration, i32)>,
    /// The lines it prints.
    pub output: Vec<(SignedDuration, String)>,
}

/// Longest sleep, in seconds, that is told from forever.
const FOREVER: f64 = 1e9;

/// Returns what `command` followed by `args` does.
#[must_use]
pub fn program(command: &[String], args: &[String]) -> Program {
    let words: Vec<&str> = command.iter().chain(args).map(String::as_str).collect();
    let Some((first, rest)) = words.split_first() else { return Program::Unknown };
    match base(first) {
        "sh" | "bash" | "ash" => script(rest).and_then(play).map_or(Program::Unknown, Program::Known),
        "sleep" | "true" | "false" | "echo" => {
            play_statements(&[(Joint::Always, words.iter().map(|w| (*w).to_owned()).collect())])
                .map_or(Program::Unknown, Program::Known)
        }
        // A builtin of the shell, not a file.
        "exit" => Program::Absent((*first).to_owned()),
        name if name.starts_with("bad-") => Program::Absent((*first).to_owned()),
        _ => Program::Unknown,
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the script of `-c`, other flags such as `-x` allowed before or joined.
fn script<'a>(args: &[&'a str]) -> Option<&'a str> {
    let flags = args.iter().take_while(|arg| arg.starts_with('-')).count();
    let inline = args[..flags].iter().any(|flag| flag.ends_with('c'));
    if inline { args.get(flags).copied() } else { None }
}

/// When a statement runs, given how the one before ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Always,
    OnSuccess,
    OnFailure,
}

type Statement = (Joint, Vec<String>);

fn play(script: &str) -> Option<Course> {
    play_statements(&statements(script)?)
}

/// Splits a script; `None` where it uses more of the language than is known here.
fn statements(script: &str) -> Option<Vec<Statement>> {
    let mut all = Vec::new();
    let mut joint = Joint::Always;
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '&' | '|') if chars.next_if_eq(&c).is_some() => {
                words.extend(word.take());
                all.push((joint, std::mem::take(&mut words)));
                joint = if c == '&' { Joint::OnSuccess } else { Joint::OnFailure };
            }
            (None, ';' | '\n') => {
                words.extend(word.take());
                all.push((joint, std::mem::take(&mut words)));
                joint = Joint::Always;
            }
            (None, '&' | '|' | '<' | '>' | '(' | ')' | '`' | '{' | '\\') => return None,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.take());
    all.push((joint, words));
    quote.is_none().then_some(all)
}

fn play_statements(statements: &[Statement]) -> Option<Course> {
    let mut course = Course::default();
    let (mut at, mut status) = (SignedDuration::ZERO, 0);
    for (joint, words) in statements {
        let Some((name, args)) = words.split_first() else { continue };
        let runs = match joint {
            Joint::Always => true,
            Joint::OnSuccess => status == 0,
            Joint::OnFailure => status != 0,
        };
        match base(name) {
            _ if !runs => {}
            "exit" => {
                let code = args.first().map_or(Some(status), |code| code.parse().ok())?;
                course.end = Some((at, code));
                return Some(course);
            }
            "sleep" => {
                let Some(length) = sleep_time(args)? else { return Some(course) };
                at += length;
                status = 0;
            }
            "true" => status = 0,
            "false" => status = 1,
            "echo" => {
                course.output.push((at, args.join(" ")));
                status = 0;
            }
            _ => return None,
        }
    }
    course.end = Some((at, status));
    Some(course)
}

/// Returns `None` for what cannot be read and `Some(None)` for a sleep without end.
#[expect(clippy::option_option, reason = "unreadable and endless are two answers")]
fn sleep_time(args: &[String]) -> Option<Option<SignedDuration>> {
    let mut total = 0.0;
    for arg in args {
        if matches!(arg.as_str(), "infinity" | "inf") {
            return Some(None);
        }
        let (number, scale) = match arg.strip_suffix(['s', 'm', 'h', 'd']) {
            Some(number) => (number, unit_seconds(arg)),
            None => (arg.as_str(), 1.0),
        };
        total += number.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)? * scale;
    }
    if args.is_empty() {
        return None;
    }
    Some((total < FOREVER).then(|| SignedDuration::from_secs_f64(total)))
}

fn unit_seconds(arg: &str) -> f64 {
    match arg.as_bytes().last() {
        Some(b'm') => 60.0,
        Some(b'h') => 3600.0,
        Some(b'd') => 86400.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], want: &Program) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(program(&words, &[]), *want, "{words:?}");
    }

    fn ends(millis: i64, code: i32) -> Program {
        Program::Known(Course { end: Some((SignedDuration::from_millis(millis), code)), output: Vec::new() })
    }

    #[test]
    fn commands_are_played() {
        let forever = Program::Known(Course::default());
        for (words, want) in [
            (&["sleep", "10"][..], ends(10_000, 0)),
            (&["/bin/sleep", "0.5"], ends(500, 0)),
            (&["sleep", "1m", "1s"], ends(61_000, 0)),
            (&["sleep", "infinity"], forever.clone()),
            (&["sleep"], Program::Unknown),
            (&["true"], ends(0, 0)),
            (&["false"], ends(0, 1)),
            (&["exit", "1"], Program::Absent("exit".into())),
            (&["/bad-command"], Program::Absent("/bad-command".into())),
            (&["nginx"], Program::Unknown),
            (&[], Program::Unknown),
            (&["sh", "-c", "sleep 5 && exit 3"], ends(5000, 3)),
            (&["/bin/sh", "-x", "-c", "sleep 5 && exit 3"], ends(5000, 3)),
            (&["bash", "-xc", "false || exit 4"], ends(0, 4)),
            (&["sh", "-c", "true || exit 4"], ends(0, 0)),
            (&["sh", "-c", "false && sleep 3"], ends(0, 1)),
            (&["sh", "-c", "false; exit"], ends(0, 1)),
            (&["sh", "-c", "sleep 1\nsleep 2\n"], ends(3000, 0)),
            (&["sh", "-c", "while true; do sleep 1; done"], Program::Unknown),
            (&["sh", "-c", "sleep 1 | cat"], Program::Unknown),
            (&["sh", "-c", "echo 'open"], Program::Unknown),
            (&["sh", "script.sh"], Program::Unknown),
        ] {
            check(words, &want);
        }
    }

    #[test]
    fn echo_goes_to_the_log_when_it_runs() {
        let Program::Known(course) = program(&["sh".into(), "-c".into()], &["echo 'a  b' c; sleep 2; echo d".into()])
        else {
            panic!("not understood");
        };
        let two = SignedDuration::from_secs(2);
        assert_eq!(course.output, [(SignedDuration::ZERO, "a  b c".to_owned()), (two, "d".to_owned())]);
        assert_eq!(course.end, Some((two, 0)));
    }
}
