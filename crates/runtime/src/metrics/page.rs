//! The text format.

use std::fmt::Write;

use super::{Family, Histogram, Kind};

/// A page in Prometheus' text format, family by family.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Begins a family; its samples must follow.
    pub fn family(&mut self, family: &Family) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(&format!("# HELP {} {help}", family.name));
        self.line(&format!("# TYPE {} {kind}", family.name));
    }

    /// Writes a family of gauges or counters with all its samples; nothing where there is none.
    pub fn all(&mut self, family: &Family, samples: &[(Vec<String>, f64)]) {
        if samples.is_empty() {
            return;
        }
        self.family(family);
        for (labels, value) in samples {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            self.sample(family, &labels, *value);
        }
    }

    /// Writes one sample.
    pub fn sample(&mut self, family: &Family, labels: &[&str], value: f64) {
        let pairs: Vec<(&str, &str)> = family.labels.iter().copied().zip(labels.iter().copied()).collect();
        self.write(family.name, &pairs, value);
    }

    pub(super) fn histogram(&mut self, family: &Family, labels: &[&str], histogram: &Histogram) {
        let Kind::Histogram(bounds) = family.kind else { return };
        let pairs: Vec<(&str, &str)> = family.labels.iter().copied().zip(labels.iter().copied()).collect();
        let mut below = 0;
        let bucket = format!("{}_bucket", family.name);
        for (bound, count) in bounds.iter().zip(&histogram.buckets) {
            below += count;
            let bound = number(*bound);
            let pairs: Vec<_> = pairs.iter().copied().chain([("le", bound.as_str())]).collect();
            self.write(&bucket, &pairs, whole(below));
        }
        let total: Vec<_> = pairs.iter().copied().chain([("le", "+Inf")]).collect();
        self.write(&bucket, &total, whole(histogram.count));
        self.write(&format!("{}_sum", family.name), &pairs, histogram.sum);
        self.write(&format!("{}_count", family.name), &pairs, whole(histogram.count));
    }

    /// Returns the text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn write(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.line(&format!("{name}{labels} {}", number(value)));
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Counts stay exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "the text format has floating-point numbers only")]
fn whole(count: u64) -> f64 {
    count as f64
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { format!("{value}") }
}
