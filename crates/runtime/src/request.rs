//! What a request to the Kubernetes API asks for, read from its method and path, and a layer that tells each one.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Method, Request, Response, Uri};
use tower::{Layer, Service};

/// What RBAC calls the attributes of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    /// API group; empty for the first one.
    pub group: String,
    /// Plural, with the subresource: `pods/eviction`.
    pub resource: String,
    /// Namespace; empty across all of them and for cluster-scoped objects.
    pub namespace: String,
    /// Name; empty where several objects are meant.
    pub name: String,
}

impl Asked {
    /// Reads a request; `None` for paths that name no resource, such as discovery.
    #[must_use]
    pub fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let mut parts = uri.path().trim_matches('/').split('/');
        let group = match parts.next()? {
            "api" => String::new(),
            "apis" => parts.next()?.to_owned(),
            _ => return None,
        };
        parts.next()?;
        let mut rest: Vec<&str> = parts.collect();
        let mut namespace = String::new();
        if let ["namespaces", name, _, ..] = rest.as_slice()
            && !matches!(rest.get(2), Some(&("status" | "finalize")))
        {
            namespace = (*name).to_owned();
            rest.drain(..2);
        }
        let plural = *rest.first().filter(|plural| !plural.is_empty())?;
        let name = rest.get(1).copied().unwrap_or_default();
        let resource = match rest.get(2) {
            Some(subresource) => format!("{plural}/{subresource}"),
            None => plural.to_owned(),
        };
        let verb = verb(method, uri.query().unwrap_or_default(), !name.is_empty())?;
        Some(Self { verb, group, resource, namespace, name: name.to_owned() })
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)
    }
}

fn verb(method: &Method, query: &str, is_named: bool) -> Option<&'static str> {
    let watches = query.split('&').any(|pair| matches!(pair, "watch" | "watch=true" | "watch=1"));
    Some(match (method.as_str(), is_named) {
        ("GET" | "HEAD", _) if watches => "watch",
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => return None,
    })
}

/// Who is told of every request and the code of its answer; 0 where none came.
pub type Told = Arc<dyn Fn(&Asked, u16) + Send + Sync>;

/// A layer of a client that tells of every request.
#[derive(Clone)]
pub struct Telling {
    told: Told,
}

impl Telling {
    /// Returns a layer that tells `told`.
    pub fn new(told: Told) -> Self {
        Self { told }
    }
}

impl<S> Layer<S> for Telling {
    type Service = TellingService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TellingService { inner, told: self.told.clone() }
    }
}

/// The service of [`Telling`].
#[derive(Clone)]
pub struct TellingService<S> {
    inner: S,
    told: Told,
}

impl<S, B, R> Service<Request<B>> for TellingService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = Asked::of(request.method(), request.uri());
        let told = self.told.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if let Some(asked) = &asked {
                told(asked, answer.as_ref().map_or(0, |response| response.status().as_u16()));
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, uri: &str, expected: &str) {
        let asked = Asked::of(&method.parse().unwrap(), &uri.parse().unwrap());
        let found = asked.map_or_else(String::new, |asked| format!("{asked} {}/{}", asked.namespace, asked.name));
        assert_eq!(found, expected, "{method} {uri}");
    }

    #[test]
    fn paths_name_verb_and_resource() {
        check("GET", "/api/v1/pods?watch=true&x=1", "watch pods /");
        check("GET", "/api/v1/namespaces/shop/pods?limit=5", "list pods shop/");
        check("GET", "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web", "get rollouts.argoproj.io shop/web");
        check(
            "PATCH",
            "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web/status",
            "patch rollouts/status.argoproj.io shop/web",
        );
        check("POST", "/api/v1/namespaces/shop/pods/web-1/eviction?", "create pods/eviction shop/web-1");
        check("DELETE", "/apis/apps/v1/namespaces/shop/replicasets/web-a", "delete replicasets.apps shop/web-a");
        check("DELETE", "/api/v1/namespaces/shop/pods", "deletecollection pods shop/");
        check("GET", "/api/v1/namespaces/shop", "get namespaces /shop");
        check("PUT", "/api/v1/namespaces/shop/finalize", "update namespaces/finalize /shop");
        check("GET", "/api/v1/namespaces", "list namespaces /");
        check("GET", "/apis/apps/v1", "");
        check("GET", "/version", "");
    }
}
