//! Bringing one object into a cluster, and taking it out.
//!
//! | way | what is sent |
//! | --- | --- |
//! | [`Way::Apply`] | a three-way patch with what was applied last, as `kubectl apply` |
//! | [`Way::ServerSideApply`] | the object itself; the server merges |
//! | [`Way::Replace`] | the object in place of what is there, or after deleting that with `force` |
//! | [`Way::Update`] | the object in place of what is there, never by deleting |
//! | [`Way::Create`] | the object |

mod client_side;
mod migrate;
mod removal;
mod try_out;

use std::time::Duration;

use serde_json::{Value, json};
use tiphys_machinery::meta;

use crate::{
    cluster::{Cluster, KindInfo, PatchKind, Rest, RestError},
    object::{group, is_crd, version},
    plan::{Propagation, Way},
};

pub use self::removal::still_belongs;

/// How long a new definition may take to be served.
const ESTABLISHED: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);
/// How often a deleted object is looked for before another takes its place.
const GONE_POLLS: u32 = 600;

/// Why an object is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The server refused, or did not answer.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The object does not agree with its schema.
    #[error("error validating data: {0}")]
    Invalid(String),
    /// The cluster does not serve the kind.
    #[error("the server could not find the requested resource: {0}")]
    UnknownKind(String),
    /// What is there belongs to somebody else by now.
    #[error("{0} is not pruned: it changed hands")]
    ChangedHands(String),
    /// A deleted object stays.
    #[error("{0} is still being deleted")]
    StillThere(String),
}

/// How an object is brought in.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The object.
    pub target: &'a Value,
    /// What is known to be there.
    pub live: Option<&'a Value>,
    /// How.
    pub way: Way,
    /// Delete and create again what cannot be changed.
    pub force: bool,
    /// Refuse what does not agree with its schema.
    pub validate: bool,
    /// Only see whether it could be done.
    pub try_out: bool,
    /// What becomes of what a deleted object owns.
    pub propagation: Propagation,
}

/// Writes to a cluster.
#[derive(Clone)]
pub struct Applier {
    cluster: Cluster,
    rest: Rest,
}

/// Where an object is.
struct Place {
    collection: String,
    object: String,
    name: String,
}

impl Applier {
    /// Returns an applier that acts in the name of `user` if given.
    #[must_use]
    pub fn new(cluster: Cluster, user: Option<&str>) -> Self {
        let rest = cluster.rest(user);
        Self { cluster, rest }
    }

    fn info(&self, object: &Value) -> Result<KindInfo, ApplyError> {
        let kinds = self.cluster.kinds();
        let info = kinds.as_ref().and_then(|kinds| kinds.get(group(object), meta::kind(object)));
        let info = info.filter(|info| info.versions.iter().any(|known| known == version(object)));
        info.cloned().ok_or_else(|| {
            ApplyError::UnknownKind(format!("{}, Kind={}", meta::api_version(object), meta::kind(object)))
        })
    }

    fn place(&self, object: &Value) -> Result<Place, ApplyError> {
        let info = self.info(object)?;
        let namespace = if info.namespaced { meta::namespace(object) } else { "" };
        Ok(Place {
            collection: info.path(version(object), namespace, ""),
            object: info.path(version(object), namespace, meta::name(object)),
            name: printed(object),
        })
    }

    /// Returns `target` as it is sent: without namespace where the kind has none.
    fn sent(&self, target: &Value) -> Result<Value, ApplyError> {
        let mut sent = target.clone();
        if !self.info(target)?.namespaced
            && let Some(metadata) = sent["metadata"].as_object_mut()
        {
            metadata.remove("namespace");
        }
        Ok(sent)
    }

    /// Brings an object in; returns what to tell about it.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn apply(&self, request: &Request<'_>) -> Result<String, ApplyError> {
        if request.try_out {
            return self.try_out(request);
        }
        let place = self.place(request.target)?;
        let target = self.sent(request.target)?;
        let validation = if request.validate { "&fieldValidation=Strict" } else { "" };
        let done = match request.way {
            Way::Apply => self.apply_client_side(&place, &target, request, validation).await,
            Way::ServerSideApply { migrate } => {
                if migrate {
                    self.migrate(&place).await?;
                }
                let query = format!("&force=true{validation}");
                let answer = self.rest.patch(&place.object, PatchKind::Apply, &target, &query).await;
                answer.map(|answer| (answer, "serverside-applied")).map_err(ApplyError::from)
            }
            Way::Replace if request.force => self.recreate(&place, &target, request).await.map(|a| (a, "replaced")),
            Way::Replace => Ok((self.replace(&place, &target, validation).await?, "replaced")),
            Way::Update => {
                let answer = self.replace(&place, &target, validation).await?;
                self.cluster.wrote(&answer);
                return Ok(format!("{}/{} updated", meta::kind(&target), meta::name(&target)));
            }
            Way::Create => Ok((self.rest.create(&place.collection, &target, validation).await?, "created")),
        };
        let (answer, word) = match done {
            Err(error) if request.force && is_unchangeable(&error) => {
                (self.recreate(&place, &target, request).await?, "configured")
            }
            done => done?,
        };
        self.cluster.wrote(&answer);
        if is_crd(&target) {
            self.wait_established(&place).await;
        }
        Ok(format!("{} {word}", place.name))
    }

    async fn replace(&self, place: &Place, target: &Value, query: &str) -> Result<Value, ApplyError> {
        let mut target = target.clone();
        match self.rest.get(&place.object).await? {
            Some(live) => {
                target["metadata"]["resourceVersion"] = json!(meta::resource_version(&live));
                Ok(self.rest.replace(&place.object, &target, query).await?)
            }
            None => Ok(self.rest.create(&place.collection, &target, query).await?),
        }
    }

    /// Deletes what is there, waits until it is gone, and creates.
    async fn recreate(&self, place: &Place, target: &Value, request: &Request<'_>) -> Result<Value, ApplyError> {
        let options = json!({"propagationPolicy": removal::policy(request.propagation)});
        self.rest.delete(&place.object, &options).await?;
        for _ in 0..GONE_POLLS {
            if self.rest.get(&place.object).await?.is_none() {
                return Ok(self.rest.create(&place.collection, target, "").await?);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(ApplyError::StillThere(place.name.clone()))
    }

    /// What follows may need the kind; one that is not served in time fails by itself.
    async fn wait_established(&self, place: &Place) {
        let mut waited = Duration::ZERO;
        while waited < ESTABLISHED {
            let live = self.rest.get(&place.object).await.ok().flatten().unwrap_or_default();
            let conditions = live["status"]["conditions"].as_array();
            let is_established = |c: &Value| c["type"] == "Established" && c["status"] == "True";
            if conditions.is_some_and(|all| all.iter().any(is_established)) {
                break;
            }
            tokio::time::sleep(POLL).await;
            waited += POLL;
        }
        self.cluster.rediscover();
        tokio::time::sleep(POLL).await;
    }
}

/// A field that cannot be changed, or somebody else's change in between.
fn is_unchangeable(error: &ApplyError) -> bool {
    matches!(error, ApplyError::Rest(error) if matches!(error.code(), 409 | 422))
}

/// Returns how messages call an object: `deployment.apps/web`.
fn printed(object: &Value) -> String {
    let kind = meta::kind(object).to_lowercase();
    let dot = if group(object).is_empty() { "" } else { "." };
    format!("{kind}{dot}{}/{}", group(object), meta::name(object))
}
