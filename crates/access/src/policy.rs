//! Lines `p` and `g`, and what is wrong with one.

/// What a rule does to who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allows, unless something denies.
    Allow,
    /// Denies whatever else allows.
    Deny,
    /// A word that is neither: without effect, as upstream has it.
    Other,
}

/// A line `p, subject, resource, action, object, effect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// User, group or role; compared as it is, never as a pattern.
    pub subject: String,
    /// Pattern of resources.
    pub resource: String,
    /// Pattern of actions.
    pub action: String,
    /// Pattern of objects.
    pub object: String,
    /// What it does.
    pub effect: Effect,
}

/// A line `g, member, role`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// User, group or role.
    pub member: String,
    /// The role that it has.
    pub role: String,
}

/// The lines of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Lines `p`, in order.
    pub rules: Vec<Rule>,
    /// Lines `g`, in order.
    pub groupings: Vec<Grouping>,
}

/// A line that is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {message}")]
pub struct Malformed {
    /// Counted from 1.
    pub number: usize,
    /// What is wrong, in upstream's words, and the line.
    pub message: String,
}

impl Policy {
    /// Reads the text of a policy: one line each, `#` comments and blank lines skipped.
    ///
    /// # Errors
    /// The first line that is no policy.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut policy = Self::default();
        for (index, line) in text.lines().enumerate() {
            policy.read(line).map_err(|message| Malformed { number: index + 1, message })?;
        }
        Ok(policy)
    }

    /// Adds everything of another policy.
    pub fn extend(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.groupings.extend(other.groupings);
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let fields = fields(line).map_err(|cause| format!("error parsing policy line {line:?}: {cause}"))?;
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        match fields.as_slice() {
            ["p", subject, resource, action, object, effect] => self.rules.push(Rule {
                subject: (*subject).to_owned(),
                resource: (*resource).to_owned(),
                action: (*action).to_owned(),
                object: (*object).to_owned(),
                effect: match *effect {
                    "allow" => Effect::Allow,
                    "deny" => Effect::Deny,
                    _ => Effect::Other,
                },
            }),
            ["g", member, role] => {
                self.groupings.push(Grouping { member: (*member).to_owned(), role: (*role).to_owned() });
            }
            _ => return Err(format!("invalid RBAC policy: {line}")),
        }
        Ok(())
    }
}

/// Splits a line of comma-separated values: blanks in front of a field go, a field in quotes may hold commas and `""`.
fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('"') {
            let (field, behind) = quoted_field(quoted)?;
            fields.push(field);
            rest = behind;
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, behind) = rest.split_at(end);
            if field.contains('"') {
                return Err("bare \" in non-quoted field");
            }
            fields.push(field.to_owned());
            rest = behind;
        }
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None => return Ok(fields),
        }
    }
}

/// Reads a field behind its first quote; returns it and what comes behind its last one.
fn quoted_field(text: &str) -> Result<(String, &str), &'static str> {
    const BROKEN: &str = "extraneous or missing \" in quoted-field";
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"').ok_or(BROKEN)?;
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if behind.is_empty() || behind.starts_with(',') => return Ok((field, behind)),
            None => return Err(BROKEN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_comma_separated_values() {
        let policy = Policy::parse("# who\n\n p, \"a,\"\"b\", applications,get, */*, deny\ng,  x, role:y").unwrap();
        assert_eq!(policy.rules[0].subject, "a,\"b");
        assert_eq!((policy.rules[0].action.as_str(), policy.rules[0].effect), ("get", Effect::Deny));
        assert_eq!(policy.groupings, [Grouping { member: "x".to_owned(), role: "role:y".to_owned() }]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Policy::parse("g, a, role:b\np, role:dev, applications, get").unwrap_err();
        assert_eq!(error.to_string(), "line 2: invalid RBAC policy: p, role:dev, applications, get");
    }
}
