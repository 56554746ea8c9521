//! A query as words.

use super::QueryError;

/// One word of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name of a metric, label, function or keyword.
    Name(String),
    /// A number.
    Number(f64),
    /// A length of time, in milliseconds.
    Duration(i64),
    /// A text in quotes.
    Text(String),
    /// Punctuation or an operator.
    Sign(&'static str),
}

/// Longer signs come before those that they begin with.
const SIGNS: [&str; 24] = [
    "==", "!=", "=~", "!~", "<=", ">=", "(", ")", "{", "}", "[", "]", ",", "+", "-", "*", "/", "%", "^", "=", "<", ">",
    ":", "@",
];

/// Splits a query into words.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '#' {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
            continue;
        } else if matches!(first, '"' | '\'' | '`') {
            quoted(rest, first)?
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            number(rest)?
        } else if first.is_alphabetic() || first == '_' {
            let length =
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
            (word(&rest[..length.max(first.len_utf8())]), length.max(first.len_utf8()))
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| QueryError::Parse(format!("unexpected character: {first:?}")))?;
            (Token::Sign(sign), sign.len())
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn word(name: &str) -> Token {
    match name.to_ascii_lowercase().as_str() {
        "inf" => Token::Number(f64::INFINITY),
        "nan" => Token::Number(f64::NAN),
        _ => Token::Name(name.to_owned()),
    }
}

fn quoted(text: &str, quote: char) -> Result<(Token, usize), QueryError> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::Text(out), at + c.len_utf8())),
            '\\' if quote != '`' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, c @ ('\\' | '"' | '\''))) => out.push(c),
                _ => return Err(QueryError::Parse("unknown escape sequence".to_owned())),
            },
            c => out.push(c),
        }
    }
    Err(QueryError::Parse("unterminated quoted string".to_owned()))
}

/// Reads a number, or a length of time such as `1h30m`.
fn number(text: &str) -> Result<(Token, usize), QueryError> {
    let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let mut end = length;
    // The sign of an exponent belongs to the number.
    if text[..length].ends_with(['e', 'E']) && !text.starts_with("0x") && text[length..].starts_with(['+', '-']) {
        let more = text[length + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - length - 1);
        end = length + 1 + more;
    }
    let word = &text[..end];
    let hex = word.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok()).map(f64::from);
    if let Some(number) = hex.or_else(|| word.parse().ok()) {
        return Ok((Token::Number(number), end));
    }
    let millis = duration(word).ok_or_else(|| QueryError::Parse(format!("bad number or duration syntax: {word:?}")))?;
    Ok((Token::Duration(millis), end))
}

/// Returns the milliseconds of `5m`, `1h30m`, `100ms`.
pub(super) fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("y", 31_536_000_000),
    ];
    let (mut rest, mut sum) = (text, 0_i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        sum = sum.checked_add(number.checked_mul(*unit)?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_lengths_of_time_are_told_apart() {
        let found = lex("rate(a_b:c{x!~'y\\'', z=`\\d`}[1m30s]) >= 1.5e-3 # end").unwrap();
        let name = |text: &str| Token::Name(text.into());
        let text = |text: &str| Token::Text(text.into());
        let sign = Token::Sign;
        let want = [
            name("rate"),
            sign("("),
            name("a_b:c"),
            sign("{"),
            name("x"),
            sign("!~"),
            text("y'"),
            sign(","),
            name("z"),
            sign("="),
            text("\\d"),
            sign("}"),
            sign("["),
            Token::Duration(90_000),
            sign("]"),
            sign(")"),
            sign(">="),
            Token::Number(1.5e-3),
        ];
        assert_eq!(found, want);
        assert_eq!(
            lex("0x10 .5 Inf").unwrap(),
            [Token::Number(16.0), Token::Number(0.5), Token::Number(f64::INFINITY)]
        );
        assert!(lex("\"open").is_err() && lex("5x").is_err() && lex("a ~ b").is_err());
    }
}
