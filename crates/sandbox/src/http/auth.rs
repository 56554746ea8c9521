//! Who asks, and whether they may (`spec/sandbox.md` section 12.3): whoever is known may do everything.

use http::{HeaderMap, Method, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use super::{
    credentials::Credentials,
    route::{Place, Route},
};

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
}

const ANONYMOUS: &str = "system:anonymous";
const MASTERS: &str = "system:masters";
const ACCOUNT: &str = "system:serviceaccount:";

impl User {
    /// The user of the kubeconfig, and of callers in the same process.
    pub(super) fn admin() -> Self {
        let groups = vec![MASTERS.to_owned(), "system:authenticated".to_owned()];
        Self { name: "kubernetes-admin".to_owned(), uid: String::new(), groups }
    }

    pub(super) fn anonymous() -> Self {
        let groups = vec!["system:unauthenticated".to_owned()];
        Self { name: ANONYMOUS.to_owned(), uid: String::new(), groups }
    }

    pub(super) fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ];
        Self { name: format!("system:serviceaccount:{namespace}:{name}"), uid: uid.to_owned(), groups }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }

    /// Returns the form in reviews: `username`, `uid`, `groups`.
    pub(super) fn to_value(&self) -> Value {
        let mut info = json!({"username": self.name, "groups": self.groups});
        if !self.uid.is_empty() {
            info["uid"] = self.uid.as_str().into();
        }
        info
    }
}

/// Returns who sends a request with these headers.
///
/// # Errors
/// 401 for a token that is not known.
pub(super) fn authenticate(headers: &HeaderMap, credentials: &Credentials, now: Timestamp) -> Result<User, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(User::anonymous()) };
    let text = value.to_str().unwrap_or_default();
    let Some((scheme, token)) = text.split_once(' ') else { return Err(unauthorized()) };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unauthorized());
    }
    user_of(token.trim(), credentials, now).ok_or_else(unauthorized)
}

/// Returns whose token this is.
pub(super) fn user_of(token: &str, credentials: &Credentials, now: Timestamp) -> Option<User> {
    if credentials.is_admin(token) {
        return Some(User::admin());
    }
    let account = credentials.verify(token, now)?;
    Some(User::service_account(&account.namespace, &account.name, &account.uid))
}

/// Returns as whom a request is made: as its sender, or as whom the sender names in `Impersonate-` headers.
///
/// # Errors
/// 403 where the sender may not, 500 for other headers of the kind without a user.
pub(super) fn impersonated(user: User, headers: &HeaderMap) -> Result<User, ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let name = text("impersonate-user");
    let groups = headers.get_all("impersonate-group").iter().filter_map(|group| group.to_str().ok());
    let mut groups: Vec<String> = groups.map(str::to_owned).collect();
    if name.is_empty() {
        let asked = !groups.is_empty() || headers.keys().any(|key| key.as_str().starts_with("impersonate-"));
        let message = "requested impersonation without impersonating a user";
        return if asked { Err(ApiError::new(500, "", message)) } else { Ok(user) };
    }
    if !user.groups.iter().any(|group| group == MASTERS) {
        let why = format!(
            "User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
            user.name
        );
        return Err(ApiError::forbidden("", "users", &name, &why));
    }
    if let Some((namespace, account)) = name.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':')) {
        let account = User::service_account(namespace, account, "");
        groups = if groups.is_empty() { account.groups } else { groups };
    }
    let known = if name == ANONYMOUS { "system:unauthenticated" } else { "system:authenticated" };
    if !groups.iter().any(|group| group == known) {
        groups.push(known.to_owned());
    }
    Ok(User { name, uid: text("impersonate-uid"), groups })
}

fn unauthorized() -> ApiError {
    ApiError::new(401, "Unauthorized", "Unauthorized")
}

/// Checks whether a user may address a route.
///
/// # Errors
/// 403 for unknown users, except for health, version and discovery.
pub(super) fn authorize(user: &User, method: &Method, path: &str, route: &Route) -> Result<(), ApiError> {
    if !user.is_anonymous() {
        return Ok(());
    }
    match route {
        Route::Version
        | Route::Health(..)
        | Route::CoreVersions
        | Route::Groups
        | Route::Group(_)
        | Route::GroupVersion(..) => Ok(()),
        Route::Resource(place) => Err(forbidden(user, method, place)),
        _ => {
            let verb = method.as_str().to_lowercase();
            let message = format!("forbidden: User \"{}\" cannot {verb} path \"{path}\"", user.name);
            Err(ApiError::new(403, "Forbidden", message))
        }
    }
}

fn forbidden(user: &User, method: &Method, place: &Place) -> ApiError {
    let verb = verb_of(method, place);
    let resource = match &place.subresource {
        Some(subresource) => format!("{}/{subresource}", place.plural),
        None => place.plural.clone(),
    };
    let scope = match &place.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {scope}",
        user.name, place.group
    );
    match &place.name {
        Some(name) => ApiError::forbidden(&place.group, &place.plural, name, &why),
        None => {
            let dot = if place.group.is_empty() { "" } else { "." };
            let message = format!("{}{dot}{} is forbidden: {why}", place.plural, place.group);
            ApiError::new(403, "Forbidden", message).about(&place.group, &place.plural, "")
        }
    }
}

fn verb_of(method: &Method, place: &Place) -> &'static str {
    match (method.as_str(), place.name.is_some()) {
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        (_, true) => "get",
        _ if place.watch => "watch",
        _ => "list",
    }
}
