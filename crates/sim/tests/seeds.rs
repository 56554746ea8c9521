//! `TIPHYS_SEEDS=0..500 cargo test --release -p tiphys-sim seeds` plays many seeds; one seed is `7..8`.

use std::{collections::BTreeMap, ops::Range, sync::Mutex};

use tiphys_sim::story::play;

use crate::in_parallel;

/// The seeds to play: a few unless told otherwise.
fn seeds() -> Range<usize> {
    let Ok(text) = std::env::var("TIPHYS_SEEDS") else { return 0..5 };
    let parts = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parts.unwrap_or_else(|| panic!("TIPHYS_SEEDS is {text:?}; write for instance 0..500"))
}

/// Seeds that are known to break a promise, with what they do. The list may only shrink.
fn known() -> BTreeMap<usize, &'static str> {
    let lines = include_str!("../open-seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(seed, what)| Some((seed.parse().ok()?, what.trim()))).collect()
}

/// One that never ends cannot be played in a suite.
const NEVER_ENDS: &str = "never ends";

#[test]
fn seeds_keep_every_promise() {
    let seeds = seeds();
    let broken = Mutex::new(Vec::new());
    let uses: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    let known = known();
    in_parallel(seeds.clone(), |seed| {
        if known.get(&seed) == Some(&NEVER_ENDS) {
            return;
        }
        match play(seed as u64) {
            Ok(ending) => {
                let mut uses = uses.lock().unwrap();
                ending.uses.into_iter().for_each(|(rule, times)| *uses.entry(rule).or_default() += times);
            }
            Err(error) => {
                let next = seed + 1;
                println!(
                    "\nseed {seed}: {error}\n\nto play it again:\n  TIPHYS_SEEDS={seed}..{next} cargo test --release -p \
                     tiphys-sim seeds_keep_every_promise -- --nocapture\n"
                );
                broken.lock().unwrap().push(seed);
            }
        }
    });
    println!("seeds {seeds:?}; how often each rule had something to check: {:?}", uses.lock().unwrap());
    let (known, broken): (Vec<usize>, Vec<usize>) =
        broken.into_inner().unwrap().into_iter().partition(|seed| known.contains_key(seed));
    println!("known to break a promise (crates/sim/open-seeds.txt): {known:?}");
    assert!(broken.is_empty(), "{} seeds broke a promise: {broken:?}", broken.len());
}

#[test]
fn a_seed_is_the_same_story_twice() {
    let seeds = seeds();
    let few = seeds.start..seeds.end.min(seeds.start + 1);
    in_parallel(few, |seed| {
        let (Ok(first), Ok(second)) = (play(seed as u64), play(seed as u64)) else { return };
        let differs = first.history.iter().zip(&second.history).position(|(a, b)| a != b);
        if let Some(at) = differs {
            let around = at.saturating_sub(3)..at;
            panic!(
                "seed {seed}: write {at} differs\n{}\nfirst:  {}\nsecond: {}",
                first.history[around].join("\n"),
                first.history[at],
                second.history[at]
            );
        }
        assert_eq!(first.history.len(), second.history.len(), "seed {seed}");
        assert_eq!(first.acts, second.acts, "seed {seed}");
    });
}
