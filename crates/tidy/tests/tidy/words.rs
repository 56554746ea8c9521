//! Words, signs and paths that no tracked file may contain.

use crate::{none, text, tracked};

/// Marks of work left for later, split so that this file does not contain them.
const LATER: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Folders that exist on one machine only.
const MACHINE: [&str; 3] = [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];

/// One line for each line of a tracked file in which `bad` finds something.
fn in_tracked_files(bad: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tracked() {
        let text = text(&file).unwrap_or_default();
        let found = text.lines().enumerate().filter_map(|(at, line)| bad(line).map(|what| (at + 1, what)));
        findings.extend(found.map(|(line, what)| format!("{file}:{line}: {what}")));
    }
    findings
}

/// A mark that stands alone, not inside a longer word.
fn left_for_later(line: &str) -> Option<&'static str> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.find_map(|word| LATER.into_iter().find(|mark| *mark == word))
}

/// An absolute path into such a folder: nothing that could belong to a longer path or an address stands before it.
fn path_of_one_machine(line: &str) -> Option<&'static str> {
    MACHINE.into_iter().find(|folder| {
        line.match_indices(folder).any(|(at, _)| {
            !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '/' | '*' | ')'))
        })
    })
}

/// A long dash: the texts of this repository do without.
fn long_dash(line: &str) -> Option<&'static str> {
    line.contains('\u{2014}').then_some("a long dash")
}

#[test]
fn nothing_is_left_for_later() {
    none(&in_tracked_files(left_for_later));
}

#[test]
fn no_path_of_one_machine() {
    none(&in_tracked_files(path_of_one_machine));
}

#[test]
fn no_long_dash() {
    none(&in_tracked_files(long_dash));
}

#[test]
fn words_are_found_where_they_stand_alone() {
    let [later, ..] = LATER;
    let [_, root, _] = MACHINE;
    let table: [(&str, String, bool, bool); 6] = [
        ("a mark", format!("// {later}: more"), true, false),
        ("inside a word", format!("a{later}s"), false, false),
        ("a path", format!("see {root}x"), false, true),
        ("a path at the start", format!("{root}x"), false, true),
        ("in a longer path", format!("a{root}x"), false, false),
        ("plain", "nothing".to_owned(), false, false),
    ];
    for (name, line, later, machine) in table {
        assert_eq!(left_for_later(&line).is_some(), later, "{name}");
        assert_eq!(path_of_one_machine(&line).is_some(), machine, "{name}");
    }
}
