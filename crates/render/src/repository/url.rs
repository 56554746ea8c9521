//! URLs as Go's `net/url` reads and writes them: normal forms that people and other programs have stored come from it.

use std::fmt;

/// A URL that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UrlError;

/// The parts of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Url {
    scheme: String,
    opaque: String,
    /// Whether there is `//`.
    authority: bool,
    user: Option<String>,
    host: String,
    /// As written.
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        if text.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err(UrlError);
        }
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(fragment.to_owned())),
            None => (text, None),
        };
        let mut url = Self { fragment: fragment.filter(|fragment| !fragment.is_empty()), ..Self::default() };
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_lowercase();
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        url.query = query;
        if !rest.starts_with('/') && !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if url.scheme.is_empty() && rest.split('/').next().unwrap_or_default().contains(':') {
            return Err(UrlError);
        }
        url.read_hierarchy(rest)?;
        Ok(url)
    }

    fn read_hierarchy(&mut self, rest: &str) -> Result<(), UrlError> {
        let path = match rest.strip_prefix("//").filter(|_| !rest.starts_with("///") || !self.scheme.is_empty()) {
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                self.authority = true;
                self.read_authority(&after[..end])?;
                &after[end..]
            }
            None => rest,
        };
        unescape(path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }

    fn read_authority(&mut self, authority: &str) -> Result<(), UrlError> {
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let is_valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
                if !user.bytes().all(is_valid) {
                    return Err(UrlError);
                }
                unescape(user)?;
                self.user = Some(user.to_owned());
                host
            }
            None => authority,
        };
        if !is_host(host) {
            return Err(UrlError);
        }
        host.clone_into(&mut self.host);
        Ok(())
    }

    /// Returns the URL without user name and password, if it has any.
    pub(super) fn without_user(mut self) -> Option<Self> {
        self.user.take().map(|_| self)
    }

    /// Returns the host without its port and without brackets.
    pub(super) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(super) fn host_name(&self) -> &str {
        match self.host.strip_prefix('[') {
            Some(host) => host.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        }
    }

    /// Returns the port, empty for none.
    pub(super) fn port(&self) -> &str {
        let after = self.host.rsplit(']').next().unwrap_or_default();
        after.split_once(':').map_or("", |(_, port)| port)
    }

    /// Returns the path as written if it can be, else escaped anew.
    pub(super) fn escaped_path(&self) -> String {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%/".contains(&b);
        if self.path.bytes().all(fits) {
            return self.path.clone();
        }
        let mut out = String::new();
        for byte in unescape(&self.path).unwrap_or_default() {
            if byte.is_ascii_alphanumeric() || b"-._~$&+,/:;=@".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            if self.authority || self.user.is_some() {
                f.write_str("//")?;
            }
            if let Some(user) = &self.user {
                write!(f, "{user}@")?;
            }
            write!(f, "{}{}", self.host, self.escaped_path())?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        self.fragment.as_ref().map_or(Ok(()), |fragment| write!(f, "#{fragment}"))
    }
}

/// Splits off the scheme, which is empty when there is none.
fn scheme(text: &str) -> Result<(&str, &str), UrlError> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(UrlError),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(inside) => match inside.split_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.split_at(host.rfind(':').unwrap_or(host.len())),
    };
    let allowed = |b: u8| b >= 0x80 || b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"%".contains(&b);
    let port = if port.is_empty() { "" } else { port.strip_prefix(':').unwrap_or("x") };
    name.bytes().all(allowed) && port.bytes().all(|b| b.is_ascii_digit()) && unescape(name).is_ok()
}

fn unescape(text: &str) -> Result<Vec<u8>, UrlError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = text.get(at..at + 2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or(UrlError)?;
        out.push(u8::from_str_radix(digits, 16).map_err(|_| UrlError)?);
        at += 2;
    }
    Ok(out)
}
