//! Who asks: identity and groups of a token.

use serde_json::Value;

/// Who issues the tokens of local accounts and project roles.
pub const LOCAL_ISSUER: &str = "argocd";

/// The claims of a verified token.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims(Value);

impl Claims {
    /// Takes the claims of a token that was verified.
    #[must_use]
    pub fn new(claims: Value) -> Self {
        Self(claims)
    }

    /// Returns the user: `federated_claims.user_id`, else `sub`; empty where nobody is logged in.
    #[must_use]
    pub fn identity(&self) -> &str {
        let federated = self.0["federated_claims"]["user_id"].as_str().filter(|id| !id.is_empty());
        federated.or_else(|| self.0["sub"].as_str()).unwrap_or_default()
    }

    /// Returns whether an identity provider issued the token.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.0["iss"].as_str().is_some_and(|issuer| issuer != LOCAL_ISSUER)
    }

    /// Returns the groups in the claims that `scopes` names; a text counts as one group.
    #[must_use]
    pub fn groups(&self, scopes: &[String]) -> Vec<&str> {
        let claims = scopes.iter().map(|scope| &self.0[scope.as_str()]);
        claims.flat_map(|claim| claim.as_str().into_iter().chain(strings(claim))).collect()
    }

    /// Returns project and role of a project's token.
    #[must_use]
    pub fn project_role(&self) -> Option<(&str, &str)> {
        self.identity().strip_prefix("proj:")?.split_once(':')
    }
}

fn strings(claim: &Value) -> impl Iterator<Item = &str> {
    claim.as_array().into_iter().flatten().filter_map(Value::as_str)
}
