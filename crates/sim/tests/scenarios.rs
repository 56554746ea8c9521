//! Plays `tests/scenarios/*.txt`; only those with `TIPHYS_SCENARIO` in their name, where that is set.

use std::path::PathBuf;

use tiphys_sim::scenario::run;

#[test]
fn scenarios_play_as_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scenarios");
    let only = std::env::var("TIPHYS_SCENARIO").unwrap_or_default();
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt") && path.to_string_lossy().contains(&only))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scenario in {folder} has {only:?} in its name");
    let problems: Vec<String> =
        files.iter().filter_map(|file| run(file).err()).map(|problem| problem.to_string()).collect();
    println!("{} scenarios", files.len());
    assert!(problems.is_empty(), "{} of {} scenarios fail:\n\n{}", problems.len(), files.len(), problems.join("\n\n"));
}
