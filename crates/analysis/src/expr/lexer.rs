//! Text to tokens.

use std::fmt;

/// Words that are operators.
const WORDS: [&str; 11] =
    ["in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else", "not"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Identifier,
    Number,
    String,
    Operator,
    Bracket,
    Eof,
    /// The text holds why there are no further tokens.
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Token {
    pub(super) fn is(&self, kind: Kind, text: &str) -> bool {
        self.kind == kind && self.text == text
    }

    pub(super) fn is_operator(&self, text: &str) -> bool {
        self.is(Kind::Operator, text)
    }

    pub(super) fn is_bracket(&self, text: &str) -> bool {
        self.is(Kind::Bracket, text)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Eof => f.write_str("EOF"),
            kind if self.text.is_empty() => write!(f, "{kind:?}"),
            kind => write!(f, "{kind:?}({:?})", self.text),
        }
    }
}

/// Returns the tokens of `source`; the last one is `Eof` or `Error`.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: source.chars().collect(), at: 0, tokens: Vec::new() };
    let end = match lexer.run() {
        Ok(()) => Token { kind: Kind::Eof, text: String::new() },
        Err(text) => Token { kind: Kind::Error, text },
    };
    lexer.tokens.push(end);
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let is_valid = self.peek().is_some_and(|c| valid.contains(c));
        self.at += usize::from(is_valid);
        is_valid
    }

    fn accept_while(&mut self, is_valid: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&is_valid) {
            self.at += 1;
        }
    }

    fn since(&self, start: usize) -> String {
        self.chars[start..self.at].iter().collect()
    }

    fn emit(&mut self, kind: Kind, text: String) {
        self.tokens.push(Token { kind, text });
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.peek() {
            let start = self.at;
            match c {
                _ if c.is_whitespace() => self.at += 1,
                '\'' | '"' => self.quoted(c)?,
                '`' => self.raw()?,
                '0'..='9' => self.number(start)?,
                '?' => self.operator(start, ".?"),
                '/' => self.slash(start)?,
                '#' => self.pointer(start),
                '|' => self.operator(start, "|"),
                ':' => self.operator(start, ":"),
                '(' | '[' | '{' | ')' | ']' | '}' => {
                    self.at += 1;
                    self.emit(Kind::Bracket, c.to_string());
                }
                ',' | ';' | '%' | '+' | '-' | '^' => self.operator(start, ""),
                '&' | '!' | '=' | '*' | '<' | '>' => self.operator(start, "&=*"),
                '.' => self.dot(start)?,
                _ if is_word(c) => self.word(start),
                _ => return Err(format!("unrecognized character: U+{:04X} '{c}'", u32::from(c))),
            }
        }
        Ok(())
    }

    /// One character, and one of `second` if it follows.
    fn operator(&mut self, start: usize, second: &str) {
        self.at += 1;
        self.accept(second);
        let text = self.since(start);
        self.emit(Kind::Operator, text);
    }

    fn dot(&mut self, start: usize) -> Result<(), String> {
        if self.chars.get(start + 1).is_some_and(char::is_ascii_digit) {
            return self.number(start);
        }
        self.operator(start, ".");
        Ok(())
    }

    fn number(&mut self, start: usize) -> Result<(), String> {
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_while(|c| digits.contains(c));
        let is_range = self.peek() == Some('.') && self.chars.get(self.at + 1) == Some(&'.');
        if !is_range {
            if self.accept(".") {
                self.accept_while(|c| digits.contains(c));
            }
            if self.accept("eE") {
                self.accept("+-");
                self.accept_while(|c| digits.contains(c));
            }
            if self.peek().is_some_and(is_word) {
                self.at += 1;
                return Err(format!("bad number syntax: {:?}", self.since(start)));
            }
        }
        let text = self.since(start);
        self.emit(Kind::Number, text);
        Ok(())
    }

    fn slash(&mut self, start: usize) -> Result<(), String> {
        match self.chars.get(start + 1) {
            Some('/') => self.accept_while(|c| c != '\n'),
            Some('*') => {
                self.at += 2;
                loop {
                    match self.bump() {
                        None => return Err("unclosed comment".to_owned()),
                        Some('*') if self.accept("/") => break,
                        Some(_) => {}
                    }
                }
            }
            _ => self.operator(start, ""),
        }
        Ok(())
    }

    fn pointer(&mut self, start: usize) {
        self.operator(start, "#");
        let name = self.at;
        self.accept_while(is_word);
        if self.at > name {
            let text = self.since(name);
            self.emit(Kind::Identifier, text);
        }
    }

    fn word(&mut self, start: usize) {
        self.accept_while(is_word);
        let text = self.since(start);
        let kind = if WORDS.contains(&text.as_str()) { Kind::Operator } else { Kind::Identifier };
        self.emit(kind, text);
    }

    fn raw(&mut self) -> Result<(), String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return Err("literal not terminated".to_owned()),
                // A doubled quote stands for one.
                Some('`') if self.accept("`") => text.push('`'),
                Some('`') => break,
                Some(c) => text.push(c),
            }
        }
        self.emit(Kind::String, text);
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.bump() {
                None | Some('\n') => return Err("literal not terminated".to_owned()),
                Some('\\') => text.push(self.escape()?),
                Some(c) if c == quote => break,
                Some(c) => text.push(c),
            }
        }
        self.emit(Kind::String, text);
        Ok(())
    }

    fn escape(&mut self) -> Result<char, String> {
        let invalid = || "invalid char escape".to_owned();
        Ok(match self.bump().ok_or_else(invalid)? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            c @ ('\\' | '\'' | '"') => c,
            '0'..='7' => {
                self.at -= 1;
                self.code(8, 3)?
            }
            'x' => self.code(16, 2)?,
            'u' if self.accept("{") => {
                let start = self.at;
                self.accept_while(|c| c.is_ascii_hexdigit());
                let digits = self.since(start);
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() <= 6);
                let c = code.and_then(char::from_u32).ok_or_else(invalid)?;
                if !self.accept("}") {
                    return Err(invalid());
                }
                c
            }
            'u' => self.code(16, 4)?,
            'U' => self.code(16, 8)?,
            _ => return Err(invalid()),
        })
    }

    fn code(&mut self, radix: u32, digits: usize) -> Result<char, String> {
        let invalid = || "invalid char escape".to_owned();
        let text: String = self.chars.get(self.at..self.at + digits).ok_or_else(invalid)?.iter().collect();
        self.at += digits;
        u32::from_str_radix(&text, radix).ok().and_then(char::from_u32).ok_or_else(invalid)
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}
