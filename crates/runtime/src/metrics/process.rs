//! The process itself: memory, processor time, open files, as every Prometheus client tells them.

use std::fs;

use super::{Family, Kind, Page};

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name, help, kind: Kind::Gauge, labels: &[] }
}

static RESIDENT: Family = gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
static VIRTUAL: Family = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
static PEAK: Family = gauge("process_resident_memory_max_bytes", "Largest resident memory size so far in bytes.");
static THREADS: Family = gauge("process_threads", "Number of threads.");
static FILES: Family = gauge("process_open_fds", "Number of open file descriptors.");
static STARTED: Family = gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
static PROCESSOR: Family = Family {
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    kind: Kind::Counter,
    labels: &[],
};

/// Ticks of a second in `/proc`; the same on every Linux that Rust supports.
const TICKS: f64 = 100.0;

/// Writes what the kernel knows about this process; nothing where there is no `/proc`.
pub fn write(page: &mut Page) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |field: &str| number_after(&status, field).map(|kibibytes| kibibytes * 1024.0);
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count());
    let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| number_after(&text, "btime"));
    let started = boot.zip(field(&stat, 19)).map(|(boot, ticks)| boot + ticks / TICKS);
    let processor = field(&stat, 11).zip(field(&stat, 12)).map(|(user, system)| (user + system) / TICKS);
    let values = [
        (&PROCESSOR, processor),
        (&FILES, files.and_then(|count| u32::try_from(count).ok()).map(f64::from)),
        (&RESIDENT, bytes("VmRSS:")),
        (&PEAK, bytes("VmHWM:")),
        (&STARTED, started),
        (&THREADS, number_after(&status, "Threads:")),
        (&VIRTUAL, bytes("VmSize:")),
    ];
    for (family, value) in values {
        if let Some(value) = value {
            page.all(family, &[(Vec::new(), value)]);
        }
    }
}

fn number_after(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].split_whitespace().next()?.parse().ok()
}

/// Field of `/proc/self/stat`, counted from the state of the process, which follows its name in parentheses.
fn field(stat: &str, index: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_tells_memory_time_and_files() {
        let mut page = Page::default();
        write(&mut page);
        let text = page.finish();
        let value = |name: &str| -> f64 {
            let line =
                text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}"));
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6, "{text}");
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_start_time_seconds") > 1.5e9);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }

    #[test]
    fn fields_are_counted_behind_the_name() {
        assert_eq!(field("7 (a b) c) S 1 2 3", 0), None, "S is no number");
        assert_eq!(field("7 (a b) c) S 1 2 3", 2), Some(2.0));
    }
}
