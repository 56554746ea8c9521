//! From text to tokens.

use super::CompileError;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Words that cannot be names of fields without escape.
pub(super) const RESERVED: [&str; 20] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
];

/// Longer ones first.
const SIGNS: [&str; 28] = [
    "&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(",
    ")", "[", "]", "{", "}", "=", "&",
];

/// Splits an expression.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, CompileError> {
    let mut lexer = Lexer { rest: text };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token == Token::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Token, CompileError> {
        self.skip_blank();
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if let Some(token) = self.quoted()? {
            return Ok(token);
        }
        let decimal = first == '.' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if first.is_ascii_digit() || decimal {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
            return Ok(Token::Name(self.take(end).to_owned()));
        }
        let sign = SIGNS.iter().find(|sign| self.rest.starts_with(**sign));
        let sign = sign.ok_or_else(|| CompileError::Syntax(format!("token recognition error at: '{first}'")))?;
        self.take(sign.len());
        Ok(Token::Sign(sign))
    }

    fn take(&mut self, length: usize) -> &str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with("//") {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn number(&mut self) -> Result<Token, CompileError> {
        let syntax = |text: &str| CompileError::Syntax(format!("invalid number '{text}'"));
        if let Some(hex) = self.rest.strip_prefix("0x") {
            let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let value = u64::from_str_radix(&hex[..end], 16).map_err(|_| syntax(hex))?;
            self.rest = &hex[end..];
            return Ok(if self.unsigned() { Token::Uint(value) } else { Token::Int(value as i64) });
        }
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let mut end = digits(self.rest);
        let mut double = false;
        if self.rest[end..].starts_with('.') && self.rest[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
            end += 1 + digits(&self.rest[end + 1..]);
            double = true;
        }
        if self.rest[end..].starts_with(['e', 'E']) {
            let tail = &self.rest[end + 1..];
            let sign = usize::from(tail.starts_with(['+', '-']));
            let length = digits(&tail[sign..]);
            if length > 0 {
                end += 1 + sign + length;
                double = true;
            }
        }
        let text = self.take(end).to_owned();
        if double {
            return text.parse().map(Token::Double).map_err(|_| syntax(&text));
        }
        if self.unsigned() {
            return text.parse().map(Token::Uint).map_err(|_| syntax(&text));
        }
        // The smallest integer is written with a sign: its digits alone overflow, and wrap to it.
        text.parse::<u64>().ok().filter(|n| *n <= 1 << 63).map(|n| Token::Int(n as i64)).ok_or_else(|| syntax(&text))
    }

    fn unsigned(&mut self) -> bool {
        let unsigned = self.rest.starts_with(['u', 'U']);
        if unsigned {
            self.take(1);
        }
        unsigned
    }

    /// Text in one or three quotes of either kind; `r` before it takes backslashes as they are, `b` makes bytes.
    fn quoted(&mut self) -> Result<Option<Token>, CompileError> {
        let mark = self.rest.char_indices().take(3).find(|(_, c)| matches!(c, '"' | '\''));
        let Some((marks, _)) = mark else { return Ok(None) };
        let prefix = self.rest.get(..marks).unwrap_or_default().to_ascii_lowercase();
        if !matches!(prefix.as_str(), "" | "r" | "b" | "rb" | "br") {
            return Ok(None);
        }
        let body = &self.rest[marks..];
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| body.starts_with(q)).unwrap_or("\"");
        let inner = &body[quote.len()..];
        let raw = prefix.contains('r');
        let end = closing(inner, quote, raw).ok_or_else(|| CompileError::Syntax("unterminated string".to_owned()))?;
        let text = if raw { inner[..end].to_owned() } else { unescape(&inner[..end])? };
        self.rest = &inner[end + quote.len()..];
        Ok(Some(if prefix.contains('b') { Token::Bytes(text.into_bytes()) } else { Token::Text(text) }))
    }
}

fn closing(text: &str, quote: &str, raw: bool) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        if escaped {
            escaped = false;
            return None;
        }
        escaped = c == '\\' && !raw;
        (!escaped && text[at..].starts_with(quote)).then_some(at)
    })
}

fn unescape(text: &str) -> Result<String, CompileError> {
    let bad = || CompileError::Syntax("invalid escape sequence".to_owned());
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mark = chars.next().ok_or_else(bad)?;
        let length = match mark {
            'x' | 'X' => 2,
            'u' => 4,
            'U' => 8,
            '0'..='3' => {
                let rest: String = std::iter::once(mark).chain(chars.by_ref().take(2)).collect();
                out.push(u32::from_str_radix(&rest, 8).ok().and_then(char::from_u32).ok_or_else(bad)?);
                continue;
            }
            _ => {
                out.push(plain_escape(mark).ok_or_else(bad)?);
                continue;
            }
        };
        let digits: String = chars.by_ref().take(length).collect();
        out.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(bad)?);
    }
    Ok(out)
}

fn plain_escape(mark: char) -> Option<char> {
    Some(match mark {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '"' | '\'' | '`' | '?' => mark,
        _ => return None,
    })
}
