//! `TIPHYS_SEEDS=0..500 cargo test --release -p tiphys-sim seeds` plays many seeds; one seed is `7..8`.

use std::{collections::BTreeMap, ops::Range, sync::Mutex};

use tiphys_sim::story::{Ending, play};

use crate::in_parallel;

/// The seeds to play: a few unless told otherwise.
fn seeds() -> Range<usize> {
    let Ok(text) = std::env::var("TIPHYS_SEEDS") else { return 0..5 };
    let parts = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parts.unwrap_or_else(|| panic!("TIPHYS_SEEDS is {text:?}; write for instance 0..500"))
}

/// The seeds that are known to break a promise, of those that are played.
fn known(seeds: &Range<usize>) -> Vec<usize> {
    let lines = include_str!("../open-seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let numbers = lines.filter_map(|line| line.split(' ').next()?.parse().ok());
    numbers.filter(|seed| seeds.contains(seed)).collect()
}

#[test]
fn seeds_keep_every_promise() {
    let seeds = seeds();
    let (broken, differing) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let uses: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    in_parallel(seeds.clone(), |seed| {
        let (first, second) = (play(seed as u64), play(seed as u64));
        if let Some(difference) = difference(&first, &second) {
            println!("\nseed {seed} is not the same story twice: {difference}\n{}", again(seed));
            differing.lock().unwrap().push(seed);
        }
        match first {
            Ok(ending) => {
                let mut uses = uses.lock().unwrap();
                ending.uses.into_iter().for_each(|(rule, times)| *uses.entry(rule).or_default() += times);
            }
            Err(error) => {
                println!("\nseed {seed}: {error}\n\n{}", again(seed));
                broken.lock().unwrap().push(seed);
            }
        }
    });
    println!("seeds {seeds:?}; how often each rule had something to check: {:?}", uses.lock().unwrap());
    let differing = differing.into_inner().unwrap();
    assert!(differing.is_empty(), "{} seeds are not the same story twice: {differing:?}", differing.len());
    let known = known(&seeds);
    println!("known to break a promise (crates/sim/open-seeds.txt): {known:?}");
    let mut broken = broken.into_inner().unwrap();
    broken.sort_unstable();
    assert_eq!(broken, known, "the seeds that broke a promise, and those that are known to");
}

fn again(seed: usize) -> String {
    let next = seed + 1;
    format!(
        "to play it again:\n  TIPHYS_SEEDS={seed}..{next} cargo test --release -p tiphys-sim seeds_keep_every_promise -- \
         --nocapture\n"
    )
}

/// Returns where two runs of one seed part ways: every write and its time, every act, and what is told of a broken promise.
fn difference(first: &Result<Ending, String>, second: &Result<Ending, String>) -> Option<String> {
    match (first, second) {
        (Ok(first), Ok(second)) => differing_line(&first.history, &second.history, "write")
            .or_else(|| differing_line(&first.acts, &second.acts, "act")),
        (Err(first), Err(second)) => (first != second).then(|| format!("first:  {first}\nsecond: {second}")),
        _ => Some("only one of them breaks a promise".to_owned()),
    }
}

fn differing_line(first: &[String], second: &[String], what: &str) -> Option<String> {
    let pairs = first.iter().zip(second);
    let at = pairs.clone().position(|(a, b)| a != b).or((first.len() != second.len()).then_some(pairs.len()))?;
    let line = |lines: &[String]| lines.get(at).map_or("nothing more", String::as_str).to_owned();
    let before = first[at.saturating_sub(3)..at].join("\n");
    Some(format!("{what} {at}\n{before}\nfirst:  {}\nsecond: {}", line(first), line(second)))
}
