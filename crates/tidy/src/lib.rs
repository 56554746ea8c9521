//! Holds the tidy test and nothing else: `tests/tidy/main.rs`.
