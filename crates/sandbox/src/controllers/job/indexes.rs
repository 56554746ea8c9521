//! Sets of completion indexes in the text form of a Job's status: `0,2-5`.

use std::collections::BTreeSet;

/// Reads the text form; what cannot be read is left out.
pub(crate) fn parse(text: &str) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            all.extend(first..=last);
        }
    }
    all
}

/// Writes the text form: three or more in a row as a range.
pub(crate) fn format(indexes: &BTreeSet<u32>) -> String {
    let mut parts = Vec::new();
    let mut rest = indexes.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while rest.peek() == Some(&(last + 1)) {
            last += 1;
            rest.next();
        }
        match last - first {
            0 => parts.push(first.to_string()),
            1 => parts.push(format!("{first},{last}")),
            _ => parts.push(format!("{first}-{last}")),
        }
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        for text in ["", "0", "0,1", "0-2", "1,3,4,6-9"] {
            assert_eq!(format(&parse(text)), text);
        }
        assert_eq!(parse("1,x,3-y,4"), BTreeSet::from([1, 4]));
    }
}
