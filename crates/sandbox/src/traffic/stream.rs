//! Streams: how many requests come when, and of what kind.

use jiff::SignedDuration;
use serde_json::Value;

use super::request::{Request, Target};
use crate::kubelet::knobs::PREFIX;

/// Requests of one kind that keep coming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The request.
    pub request: Request,
    /// How many of them in 1,000 seconds.
    pub per_thousand_seconds: u64,
}

impl Stream {
    /// Returns a stream of so many requests a second to a target.
    #[must_use]
    pub fn per_second(requests: u32, target: Target) -> Self {
        Self { request: Request::to(target), per_thousand_seconds: u64::from(requests) * 1000 }
    }

    /// Returns how many requests come in some time, `carry` being what was left over before: nanoseconds times requests.
    ///
    /// With 3 requests in 2 seconds (1,500 in 1,000), half a second holds none and leaves three quarters of one.
    pub(super) fn due(&self, elapsed: SignedDuration, carry: &mut u128) -> u64 {
        const WHOLE: u128 = 1_000_000_000_000;
        let nanos = u128::try_from(elapsed.as_nanos()).unwrap_or(0);
        *carry += nanos * u128::from(self.per_thousand_seconds);
        let count = *carry / WHOLE;
        *carry %= WHOLE;
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// Returns the stream that an object asks for: `sandbox.tiphys.dev/traffic: 50/s`, with `traffic-path`,
/// `traffic-method` and `traffic-headers` (`name=value`, separated by commas).
pub(super) fn annotated(object: &Value, mut request: Request) -> Option<Stream> {
    let annotations = &object["metadata"]["annotations"];
    let knob = |name: &str| annotations[format!("{PREFIX}{name}")].as_str();
    let per_thousand_seconds = rate(knob("traffic")?)?;
    if let Some(path) = knob("traffic-path") {
        request = request.path(path);
    }
    if let Some(method) = knob("traffic-method") {
        method.clone_into(&mut request.method);
    }
    for (name, value) in
        knob("traffic-headers").into_iter().flat_map(|text| text.split(',')).filter_map(|p| p.split_once('='))
    {
        request = request.header(name.trim(), value.trim());
    }
    Some(Stream { request, per_thousand_seconds })
}

/// Returns requests in 1,000 seconds of `50/s`, `0.5/s`, `300/m`.
fn rate(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once('/')?;
    let number: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded below 10 million a second")]
    let rate = (number * 1000.0 / seconds).round().min(1e10) as u64;
    Some(rate)
}

/// Returns whether an object has or had a stream of its own.
pub(super) fn mentions(object: &crate::object::Object) -> bool {
    let annotation = format!("\"{PREFIX}traffic\"");
    let text = object.json();
    text.windows(annotation.len()).any(|window| window == annotation.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::traffic::Name;

    #[test]
    fn rates_are_per_second_minute_or_hour() {
        for (text, want) in [
            ("50/s", Some(50_000)),
            ("0.5/s", Some(500)),
            ("300/m", Some(5_000)),
            ("36/h", Some(10)),
            ("50", None),
            ("-1/s", None),
            ("x/s", None),
        ] {
            assert_eq!(rate(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_left_over_is_kept() {
        let stream = Stream { per_thousand_seconds: 1_500, ..Stream::per_second(0, Target::Host(String::new())) };
        let mut carry = 0;
        let halves: Vec<u64> = (0..8).map(|_| stream.due(SignedDuration::from_millis(500), &mut carry)).collect();
        assert_eq!(halves, [0, 1, 1, 1, 0, 1, 1, 1]);
    }

    #[test]
    fn annotations_make_a_stream() {
        let object = json!({"metadata": {"annotations": {
            "sandbox.tiphys.dev/traffic": "2/s", "sandbox.tiphys.dev/traffic-path": "/api",
            "sandbox.tiphys.dev/traffic-headers": "X-Canary=always, a=b"}}});
        let target = || Target::Service(Name::new("n", "web"));
        let stream = annotated(&object, Request::to(target())).unwrap();
        let request = Request::to(target()).path("/api").header("x-canary", "always").header("a", "b");
        assert_eq!(stream, Stream { request, per_thousand_seconds: 2000 });
        assert_eq!(annotated(&json!({}), Request::to(target())), None);
    }
}
