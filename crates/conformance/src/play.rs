//! Sends the requests of a case to one server.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::case::{Case, Step};

/// How long to wait for the next event of a watch.
const SILENCE: Duration = Duration::from_secs(2);
/// How long a step may take, with its repeats.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to repeat a request with `until`, and how long to pause between.
const REPEATS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(50);

/// What one server answered to one step.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The request, with values filled in.
    pub request: String,
    /// Status code, headers that matter and body, as one value.
    pub value: Value,
}

/// What one server answered to the steps of a case.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    /// One a step, in order.
    pub answers: Vec<Answer>,
    /// Why the case ended early.
    pub broken: Option<String>,
}

/// Plays a case in a namespace whose name ends in `suffix`; a server that answers otherwise than it should leaves a shorter transcript with the reason.
pub async fn play(client: &kube::Client, case: &Case, suffix: &str) -> Transcript {
    let namespace = case.namespace() + suffix;
    let mut player = Player { client, saved: BTreeMap::from([("ns".to_owned(), namespace.clone())]) };
    let mut transcript = Transcript::default();
    if let Err(error) = player.create_namespace(namespace).await {
        transcript.broken = Some(format!("{error:#}"));
        return transcript;
    }
    for step in &case.steps {
        let played = timeout(PATIENCE, player.step(step, &mut transcript.answers)).await;
        let played = played.unwrap_or_else(|_| bail_late());
        if let Err(error) = played.with_context(|| player.fill(&step.request)) {
            transcript.broken = Some(format!("{error:#}"));
            break;
        }
    }
    transcript
}

fn bail_late() -> Result<()> {
    bail!("no answer within {} s", PATIENCE.as_secs())
}

struct Player<'a> {
    client: &'a kube::Client,
    saved: BTreeMap<String, String>,
}

impl Player<'_> {
    async fn create_namespace(&mut self, name: String) -> Result<()> {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let request = Request::post("/api/v1/namespaces").header("Content-Type", "application/json");
        let response = self.client.send(request.body(Body::from(body.to_string().into_bytes()))?).await?;
        match response.status().as_u16() {
            201 | 409 => Ok(()),
            code => bail!("create namespace {name}: {code}"),
        }
    }

    async fn step(&mut self, step: &Step, answers: &mut Vec<Answer>) -> Result<()> {
        let request = self.fill(&step.request);
        let mut value = self.ask(step).await?;
        let mut repeats = 0;
        while let Some(missing) = unmet(step, &value["body"]) {
            repeats += 1;
            if repeats > REPEATS {
                bail!("{missing}; last answer: {value}");
            }
            sleep(PAUSE).await;
            value = self.ask(step).await?;
        }
        let (code, body) = (value["code"].clone(), value["body"].clone());
        answers.push(Answer { request, value });
        if code != json!(step.status) {
            bail!("answered {code} instead of {}: {body}", step.status);
        }
        for (name, pointer) in &step.save {
            let found = body.pointer(pointer).with_context(|| format!("{pointer} is missing in {body}"))?;
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            self.saved.insert(name.clone(), text);
        }
        Ok(())
    }

    async fn ask(&self, step: &Step) -> Result<Value> {
        let response = self.client.send(self.request(step)?).await?;
        let header = |name: &str| {
            let all = response.headers().get_all(name).iter();
            all.filter_map(|v| v.to_str().ok()).map(str::to_owned).collect::<Vec<_>>()
        };
        let (code, types, warnings) = (response.status().as_u16(), header("content-type"), header("warning"));
        let yaml = types.first().is_some_and(|t| t == "application/yaml");
        let body = match step.take {
            Some(count) if code == 200 => Value::Array(events(response, count).await?),
            _ => read(response, yaml).await?,
        };
        Ok(json!({"code": code, "type": types, "warnings": warnings, "body": body}))
    }

    fn request(&self, step: &Step) -> Result<Request<Body>> {
        let line = self.fill(&step.request);
        let (method, path) = line.split_once(' ').with_context(|| format!("no method in {line:?}"))?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Accept", &step.accept)
            .header("User-Agent", "conformance/1 (test)");
        let body = match (&step.body, &step.raw) {
            (Some(body), None) => Some(self.fill(&body.to_string())),
            (None, raw) => raw.as_ref().map(|raw| self.fill(raw)),
            (Some(_), Some(_)) => bail!("both body and raw are given"),
        };
        if body.is_some() {
            request = request.header("Content-Type", &step.content_type);
        }
        Ok(request.body(Body::from(body.unwrap_or_default().into_bytes()))?)
    }

    /// Replaces `$name` by saved values, long names first.
    fn fill(&self, text: &str) -> String {
        let mut names: Vec<_> = self.saved.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), &self.saved[name]))
    }
}

/// Which value the answer does not have yet.
fn unmet(step: &Step, body: &Value) -> Option<String> {
    step.until.iter().find_map(|(pointer, wanted)| {
        let found = body.pointer(pointer).unwrap_or(&Value::Null);
        (found != wanted).then(|| format!("{pointer} is {found}, not {wanted}"))
    })
}

async fn read(response: Response<Body>, yaml: bool) -> Result<Value> {
    let bytes = response.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    if yaml {
        let options = serde_saphyr::options! { strict_booleans: true };
        return serde_saphyr::from_str_with_options(&text, options).context("read the YAML of the answer");
    }
    Ok(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned())))
}

/// Reads the first events of a watch.
async fn events(response: Response<Body>, count: usize) -> Result<Vec<Value>> {
    let mut body = response.into_body();
    let mut pending = Vec::new();
    let mut events = Vec::new();
    while events.len() < count {
        let Ok(Some(frame)) = timeout(SILENCE, body.frame()).await else { break };
        pending.extend_from_slice(frame?.data_ref().map_or(&[][..], |data| data));
        while let Some(end) = pending.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            events.push(serde_json::from_slice(&line)?);
        }
    }
    events.truncate(count);
    Ok(events)
}
