//! Schedules of CronJobs: five fields, or a word such as `@hourly`.

/// Returns why `text` is no schedule, in the words of the parser that upstream uses.
pub(super) fn refusal(text: &str) -> Option<String> {
    let (zone, text) = match text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
        Some(rest) => match rest.split_once(' ') {
            Some((_, schedule)) => (true, schedule.trim()),
            None => return Some("provided bad location".to_owned()),
        },
        None => (false, text),
    };
    if text.is_empty() {
        return Some(if zone { "expected exactly 5 fields, found 0: []" } else { "empty spec string" }.to_owned());
    }
    if let Some(word) = text.strip_prefix('@') {
        return descriptor(word, text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Some(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    }
    fields.iter().zip(&FIELDS).find_map(|(text, field)| text.split(',').find_map(|part| range(part, field)))
}

struct Field {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: &[] },
    Field { min: 0, max: 23, names: &[] },
    Field { min: 1, max: 31, names: &[] },
    Field {
        min: 1,
        max: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Field { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

fn descriptor(word: &str, text: &str) -> Option<String> {
    if matches!(word, "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly") {
        return None;
    }
    match word.strip_prefix("every ") {
        Some(duration) => {
            let error = crate::go_duration::parse(duration).err()?;
            Some(format!("failed to parse duration {text}: {error}"))
        }
        None => Some(format!("unrecognized descriptor: {text}")),
    }
}

/// Returns why a part of a field (`*`, `5`, `1-5`, each perhaps with `/step`) is refused.
fn range(text: &str, field: &Field) -> Option<String> {
    let pieces: Vec<&str> = text.split('/').collect();
    let bounds: Vec<&str> = pieces[0].split('-').collect();
    let (start, mut end) = if matches!(bounds[0], "*" | "?") {
        (field.min, field.max)
    } else {
        let start = match number(bounds[0], field) {
            Ok(start) => start,
            Err(why) => return Some(why),
        };
        match bounds.as_slice() {
            [_] => (start, start),
            [_, end] => match number(end, field) {
                Ok(end) => (start, end),
                Err(why) => return Some(why),
            },
            _ => return Some(format!("too many hyphens: {text}")),
        }
    };
    match pieces.as_slice() {
        [_] => {}
        [_, step] => {
            match step.parse::<u32>() {
                Ok(0) => return Some(format!("step of range should be a positive number: {text}")),
                Ok(_) => {}
                Err(_) => return Some(not_a_number(step)),
            }
            if bounds.len() == 1 {
                end = field.max;
            }
        }
        _ => return Some(format!("too many slashes: {text}")),
    }
    match (start, end) {
        (start, _) if start < field.min => {
            Some(format!("beginning of range ({start}) below minimum ({}): {text}", field.min))
        }
        (_, end) if end > field.max => Some(format!("end of range ({end}) above maximum ({}): {text}", field.max)),
        (start, end) if start > end => {
            Some(format!("beginning of range ({start}) beyond end of range ({end}): {text}"))
        }
        _ => None,
    }
}

fn number(text: &str, field: &Field) -> Result<u32, String> {
    let named = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    if let Some(position) = named {
        return Ok(field.min + u32::try_from(position).unwrap_or_default());
    }
    match text.parse::<i64>() {
        Ok(number) => u32::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}")),
        Err(_) => Err(not_a_number(text)),
    }
}

fn not_a_number(text: &str) -> String {
    let quoted = crate::field::quote(text);
    format!("failed to parse int from {text}: strconv.Atoi: parsing {quoted}: invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read() {
        for text in [
            "* * * * *",
            "*/5 0-6 1,15 jan-mar MON",
            "@hourly",
            "@every 1h30m",
            "0 0 ? * 0",
            "TZ=UTC 0 * * * *",
            "5/10 * * * *",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, why: &str) {
        assert_eq!(refusal(text).as_deref(), Some(why));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        check("* * * *", "expected exactly 5 fields, found 4: [* * * *]");
        check("60 * * * *", "end of range (60) above maximum (59): 60");
        check("* * 0 * *", "beginning of range (0) below minimum (1): 0");
        check("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1");
        check("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax");
        check("*/0 * * * *", "step of range should be a positive number: */0");
        check("1-2-3 * * * *", "too many hyphens: 1-2-3");
        check("@sometimes", "unrecognized descriptor: @sometimes");
    }
}
