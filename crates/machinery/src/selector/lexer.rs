//! Tokens of the label selector language.

/// A token with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A key or a value.
    Word(String),
    /// One of `! = == != > < ( ) ,`.
    Symbol(&'static str),
    /// `in`, which is a word where a value stands.
    In,
    /// `notin`, likewise.
    NotIn,
    /// The end.
    End,
}

impl Token {
    /// The text as it stands in messages.
    pub(super) fn literal(&self) -> &str {
        match self {
            Self::Word(text) => text,
            Self::Symbol(symbol) => symbol,
            Self::In => "in",
            Self::NotIn => "notin",
            Self::End => "",
        }
    }
}

const SYMBOLS: [&str; 9] = ["!=", "==", "!", "=", ">", "<", "(", ")", ","];

/// Splits `text` into tokens; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (token, length) = next(rest);
        tokens.push(token);
        rest = rest[length..].trim_start_matches(is_space);
    }
    tokens.push(Token::End);
    tokens
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn next(rest: &str) -> (Token, usize) {
    if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
        return (Token::Symbol(symbol), symbol.len());
    }
    let length = rest.find(|c: char| is_space(c) || "=!(),><".contains(c)).unwrap_or(rest.len());
    let token = match &rest[..length] {
        "in" => Token::In,
        "notin" => Token::NotIn,
        word => Token::Word(word.to_owned()),
    };
    (token, length)
}
