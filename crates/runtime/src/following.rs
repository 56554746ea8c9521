//! All objects of one kind, and then every change of them: what feeds a [`crate::cache::Cache`].
//!
//! The first view is a stream that begins with the present objects (`sendInitialEvents` without a version: a consistent
//! read), so that a controller never begins with what an older answer says. A server that does not offer that is asked for a
//! list without a version, which it must answer with the newest state, too.

use std::{fmt::Debug, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use kube::{
    Api, Resource,
    api::{ListParams, WatchParams},
    core::WatchEvent,
    runtime::watcher::{Config, Event},
};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

/// The server ends a watch after this time, in seconds.
const WATCH_SECONDS: u32 = 290;
/// How much later the connection counts as dead.
const MARGIN: Duration = Duration::from_secs(5);
/// Objects of one page of a list.
const PAGE: u32 = 500;
/// First and longest wait after a failure; it doubles in between, without jitter: runs repeat exactly.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

type Stream<K> = BoxStream<'static, Result<WatchEvent<K>, kube::Error>>;

/// What became of an open watch.
enum End {
    /// The server ended it, as it does after a while.
    Over,
    /// It failed.
    Failed(kube::Error),
    /// The server no longer knows the version: everything is read again.
    Expired(kube::Error),
}

/// Follows one kind for ever.
pub(crate) struct Following<K> {
    api: Api<K>,
    config: Config,
    /// Whether the server begins a watch with the present objects.
    streams: bool,
    /// Everything up to here is known.
    version: Option<String>,
    delay: Duration,
}

impl<K> Following<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    pub(crate) fn new(api: Api<K>, config: Config) -> Self {
        Self { api, config, streams: true, version: None, delay: RETRY.0 }
    }

    /// Tells of every object and change; of errors, after each of which it waits and goes on where it was.
    pub(crate) async fn run(mut self, mut tell: impl FnMut(Result<Event<K>, &kube::Error>) + Send) {
        loop {
            let (told, end) = self.turn(&mut tell).await;
            if told {
                self.delay = RETRY.0;
            }
            match end {
                // One that ends at once each time must not keep both sides busy.
                End::Over if told => continue,
                End::Over => {}
                End::Failed(error) => tell(Err(&error)),
                End::Expired(error) => {
                    self.version = None;
                    tell(Err(&error));
                }
            }
            sleep(self.delay).await;
            self.delay = (self.delay * 2).min(RETRY.1);
        }
    }

    /// One list or watch, to its end; and whether anything was heard.
    async fn turn(&mut self, tell: &mut (impl FnMut(Result<Event<K>, &kube::Error>) + Send)) -> (bool, End) {
        let Some(version) = self.version.clone() else { return self.begin(tell).await };
        match self.api.watch(&self.params(false), &version).await {
            Ok(stream) => self.watch(stream.boxed(), tell).await,
            Err(error) => (false, ended(error)),
        }
    }

    async fn begin(&mut self, tell: &mut (impl FnMut(Result<Event<K>, &kube::Error>) + Send)) -> (bool, End) {
        if !self.streams {
            return self.list(tell).await;
        }
        match self.api.watch(&self.params(true), "").await {
            Ok(stream) => {
                tell(Ok(Event::Init));
                self.watch(stream.boxed(), tell).await
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => {
                self.streams = false;
                self.list(tell).await
            }
            Err(error) => (false, End::Failed(error)),
        }
    }

    async fn list(&mut self, tell: &mut (impl FnMut(Result<Event<K>, &kube::Error>) + Send)) -> (bool, End) {
        let mut params = ListParams {
            label_selector: self.config.label_selector.clone(),
            field_selector: self.config.field_selector.clone(),
            limit: Some(PAGE),
            ..ListParams::default()
        };
        tell(Ok(Event::Init));
        loop {
            let page = match self.api.list(&params).await {
                Ok(page) => page,
                Err(error) => return (false, End::Failed(error)),
            };
            page.items.into_iter().for_each(|object| tell(Ok(Event::InitApply(object))));
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                self.version = Some(page.metadata.resource_version.unwrap_or_default());
                tell(Ok(Event::InitDone));
                return (true, End::Over);
            }
        }
    }

    /// Takes in a watch; while no version is known, its first objects are the present ones.
    async fn watch(
        &mut self,
        mut stream: Stream<K>,
        tell: &mut (impl FnMut(Result<Event<K>, &kube::Error>) + Send),
    ) -> (bool, End) {
        let idle = Duration::from_secs(WATCH_SECONDS.into()) + MARGIN;
        let mut told = false;
        loop {
            let Ok(Some(event)) = timeout(idle, stream.next()).await else { return (told, End::Over) };
            let event = match event {
                Ok(event) => event,
                Err(error) => return (told, ended(error)),
            };
            told = true;
            let is_first = self.version.is_none();
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) if is_first => {
                    tell(Ok(Event::InitApply(object)));
                }
                WatchEvent::Deleted(_) if is_first => {}
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    self.version = object.meta().resource_version.clone();
                    tell(Ok(Event::Apply(object)));
                }
                WatchEvent::Deleted(object) => {
                    self.version = object.meta().resource_version.clone();
                    tell(Ok(Event::Delete(object)));
                }
                WatchEvent::Bookmark(mark) => {
                    let is_end = mark.metadata.annotations.contains_key("k8s.io/initial-events-end");
                    if !is_first || is_end {
                        self.version = Some(mark.metadata.resource_version);
                    }
                    if is_first && is_end {
                        tell(Ok(Event::InitDone));
                    }
                }
                WatchEvent::Error(status) => return (told, ended(kube::Error::Api(status))),
            }
        }
    }

    fn params(&self, is_first: bool) -> WatchParams {
        WatchParams {
            label_selector: self.config.label_selector.clone(),
            field_selector: self.config.field_selector.clone(),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            send_initial_events: is_first,
        }
    }
}

fn ended(error: kube::Error) -> End {
    match &error {
        kube::Error::Api(status) if status.code == 410 => End::Expired(error),
        _ => End::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
    };

    use http::{Request, Response};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{Client, client::Body};
    use serde_json::{Value, json};

    use super::*;

    fn map(name: &str, version: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ns", "resourceVersion": version}})
    }

    fn event(kind: &str, object: &Value) -> String {
        format!("{}\n", json!({"type": kind, "object": object}))
    }

    fn mark(version: &str) -> Value {
        let annotations = json!({"k8s.io/initial-events-end": "true"});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"resourceVersion": version, "annotations": annotations}})
    }

    fn refusal(code: u16) -> Value {
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "x", "message": "x"})
    }

    fn tell(event: Result<Event<ConfigMap>, &kube::Error>) -> String {
        let name = |map: ConfigMap| map.metadata.name.unwrap_or_default();
        match event {
            Ok(Event::Init) => "init".to_owned(),
            Ok(Event::InitApply(map)) => format!("init {}", name(map)),
            Ok(Event::InitDone) => "done".to_owned(),
            Ok(Event::Apply(map)) => format!("apply {}", name(map)),
            Ok(Event::Delete(map)) => format!("delete {}", name(map)),
            Err(_) => "error".to_owned(),
        }
    }

    /// Plays a server that gives these answers and then none; returns what was told and asked.
    async fn follow(answers: Vec<(u16, String)>) -> (Vec<String>, Vec<String>) {
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = asked.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            noted.lock().unwrap().push(request.uri().query().unwrap_or_default().to_owned());
            let next = answers.lock().unwrap().pop_front();
            async move {
                let Some((code, body)) = next else { return std::future::pending().await };
                let response = Response::builder().status(code).body(Body::from(body.into_bytes()));
                Ok::<_, std::convert::Infallible>(response.unwrap())
            }
        });
        let api: Api<ConfigMap> = Api::namespaced(Client::new(service, "ns"), "ns");
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let telling = told.clone();
        let run = Following::new(api, Config::default()).run(move |event| telling.lock().unwrap().push(tell(event)));
        let _ = timeout(Duration::from_secs(60), run).await;
        let (told, asked) = (told.lock().unwrap().clone(), asked.lock().unwrap().clone());
        (told, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn begins_with_a_consistent_stream_and_goes_on_where_it_was() {
        let first = event("ADDED", &map("a", "1")) + &event("BOOKMARK", &mark("5")) + &event("DELETED", &map("a", "6"));
        let (told, asked) = follow(vec![(200, first), (200, event("ADDED", &map("b", "7")))]).await;
        assert_eq!(told, ["init", "init a", "done", "delete a", "apply b"]);
        assert!(asked[0].contains("sendInitialEvents=true") && asked[0].ends_with("resourceVersion="), "{}", asked[0]);
        assert!(asked[1].ends_with("resourceVersion=6") && !asked[1].contains("sendInitialEvents"), "{}", asked[1]);
        assert!(asked[2].ends_with("resourceVersion=7"), "{}", asked[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_begin_with_the_objects_is_asked_for_a_list() {
        let list = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "5"}, "items": [map("a", "1")]});
        let (told, asked) = follow(vec![(422, refusal(422).to_string()), (200, list.to_string())]).await;
        assert_eq!(told, ["init", "init a", "done"]);
        assert!(!asked[1].contains("watch") && !asked[1].contains("resourceVersion"), "{}", asked[1]);
        assert!(asked[2].contains("watch=true") && asked[2].ends_with("resourceVersion=5"), "{}", asked[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_read_again_when_the_version_is_too_old() {
        let first = event("BOOKMARK", &mark("5")) + &event("ERROR", &refusal(410));
        let again = event("ADDED", &map("a", "8")) + &event("BOOKMARK", &mark("9"));
        let (told, asked) = follow(vec![(200, first), (200, again)]).await;
        assert_eq!(told, ["init", "done", "error", "init", "init a", "done"]);
        assert!(asked[1].contains("sendInitialEvents=true"), "{}", asked[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_ends_at_once_each_time_is_not_opened_without_a_wait() {
        let first = event("BOOKMARK", &mark("5"));
        let mut answers = vec![(200, first)];
        answers.extend(vec![(200, String::new()); 1_000]);
        let (_, asked) = follow(answers).await;
        assert!(asked.len() < 15, "{} requests in a minute", asked.len());
    }
}
