//! How much one render may cost.

use std::time::Duration;

/// Limits of one render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Renders at a time.
    pub concurrent: usize,
    /// Time for each program.
    pub program_time: Duration,
    /// Bytes of memory that a program may have.
    pub program_memory_bytes: u64,
    /// Bytes that a program may write.
    pub output_bytes: u64,
    /// Bytes of all manifests of a plain folder together; 0 for no limit.
    pub directory_bytes: u64,
    /// Bytes of one file that is read: values, a kustomization, an override.
    pub file_bytes: u64,
    /// Bytes of all files that are laid out for a program.
    pub checkout_bytes: u64,
    /// Bytes of a chart when it is unpacked.
    pub chart_bytes: u64,
    /// Bytes of the index of a Helm repository.
    pub index_bytes: u64,
    /// Files that are laid out for a program, and that a chart holds.
    pub checkout_files: usize,
    /// Folders within folders.
    pub depth: usize,
    /// Objects of an application.
    pub objects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent: 4,
            program_time: Duration::from_secs(90),
            program_memory_bytes: 2 << 30,
            output_bytes: 64 << 20,
            directory_bytes: 10 << 20,
            file_bytes: 10 << 20,
            checkout_bytes: 1 << 30,
            chart_bytes: 100 << 20,
            index_bytes: 64 << 20,
            checkout_files: 50_000,
            depth: 64,
            objects: 20_000,
        }
    }
}
