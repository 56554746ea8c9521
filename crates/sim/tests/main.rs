//! Seeded runs, and what they promise.

mod scenarios;
mod seeds;
mod sweep;

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Calls `each` for every number, on as many threads as there are processors.
fn in_parallel(turns: Range<usize>, each: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(turns.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= turns.end {
                        return;
                    }
                    each(turn);
                }
            });
        }
    });
}
