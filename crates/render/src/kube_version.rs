//! Versions of Kubernetes as clusters report them, cut to what Helm and Kustomize understand.

/// A version that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not parse kubernetes version {0}: at least two numbers with a dot between them are needed")]
pub struct KubeVersionError(String);

/// Returns the numbers of a version: `v1.30.5-eks-1` is `1.30.5`; nothing stays nothing.
///
/// # Errors
/// When there are fewer than two numbers.
pub fn numbers(version: &str) -> Result<String, KubeVersionError> {
    if version.is_empty() {
        return Ok(String::new());
    }
    let refusal = || KubeVersionError(version.to_owned());
    let text = version.trim_start();
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut numbers: Vec<String> = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Ok(number) = rest[..end].parse::<u64>() else { break };
        if numbers.is_empty() && number > 0 && rest.starts_with('0') {
            return Err(refusal());
        }
        numbers.push(number.to_string());
        match rest[end..].strip_prefix('.') {
            Some(after) => rest = after,
            None => break,
        }
    }
    if numbers.len() < 2 { Err(refusal()) } else { Ok(numbers.join(".")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_numbers_is_dropped() {
        for (version, expected) in [
            ("", Some("")),
            ("v1.30.5-eks-1234", Some("1.30.5")),
            ("1.31.1+k3s1", Some("1.31.1")),
            ("v1.28", Some("1.28")),
            ("1.28.x", Some("1.28")),
            ("1", None),
            ("01.2", None),
            ("x", None),
        ] {
            assert_eq!(numbers(version).ok().as_deref(), expected, "{version}");
        }
    }
}
