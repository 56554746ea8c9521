//! Kayenta: canary analyses that it begins and judges itself.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tiphys_api::{
    constants::analysis_phase::{FAILED, INCONCLUSIVE, SUCCESSFUL},
    duration,
    types::{KayentaMetric, KayentaScope, Measurement, ScopeDetail},
};

use super::{Answer, Asked, Asking, Provider, ProviderError, Services};
use crate::http::{Request, form, percent};

const TIMEOUT: Duration = Duration::from_secs(15);
/// Time between two looks at an analysis.
const RESUME: SignedDuration = SignedDuration::from_secs(15);
const EXECUTION: &str = "canaryExecutionId";

pub(super) struct Kayenta {
    metric: KayentaMetric,
    services: Services,
}

impl Kayenta {
    pub(super) fn new(metric: &KayentaMetric, services: &Services) -> Self {
        Self { metric: metric.clone(), services: services.clone() }
    }

    async fn json(&self, request: Request, refused: fn(u16) -> String) -> Result<Json, ProviderError> {
        let response = self.services.fetch.fetch(request.within(TIMEOUT)).await?;
        if response.status.as_u16() != 200 {
            return Err(ProviderError::Answer(refused(response.status.as_u16())));
        }
        serde_json::from_slice(&response.body).map_err(|error| ProviderError::Decode(error.to_string()))
    }

    /// Id of the configuration. Upstream looks among those of the storage account; that is what existing templates name.
    async fn configuration(&self) -> Result<String, ProviderError> {
        let KayentaMetric { address, application, storage_account_name, canary_config_name, .. } = &self.metric;
        let query = form(&[("application", application), ("configurationAccountName", storage_account_name)]);
        let request = Request::new(Method::GET, &format!("{address}/canaryConfig?{query}"))?;
        let all = self.json(request, |code| format!("Invalid Response: HTTP {code}")).await?;
        let named = all.as_array().into_iter().flatten().find(|config| config["name"] == canary_config_name.as_str());
        let id = named.and_then(|config| config["id"].as_str()).map(str::to_owned);
        id.ok_or_else(|| ProviderError::Answer("Canary config not found".to_owned()))
    }

    async fn start(&self, asked: Asked<'_>) -> Result<Answer, ProviderError> {
        let metric = &self.metric;
        let id = self.configuration().await?;
        let mut scopes = serde_json::Map::new();
        for scope in &metric.scopes {
            scopes.insert(scope.name.clone(), self.scope(scope, asked)?);
        }
        let query = form(&[
            ("application", &metric.application),
            ("metricsAccountName", &metric.metrics_account_name),
            ("configurationAccountName", &metric.configuration_account_name),
            ("storageAccountName", &metric.storage_account_name),
        ]);
        let thresholds = json!({"pass": metric.threshold.pass, "marginal": metric.threshold.marginal});
        let body = json!({"scopes": scopes, "thresholds": thresholds}).to_string();
        let url = format!("{}/canary/{}?{query}", metric.address, percent(&id));
        let request = Request::new(Method::POST, &url)?.body("application/json", body)?;
        let json = self.json(request, |_| "Invalid Response".to_owned()).await?;
        let execution = json[EXECUTION].as_str().filter(|id| !id.is_empty());
        let execution = execution.ok_or_else(|| ProviderError::Decode(format!("Invalid {EXECUTION}")))?;
        let metadata = BTreeMap::from([(EXECUTION.to_owned(), execution.to_owned())]);
        Ok(Answer::Pending { metadata, resume_at: later(asked.now) })
    }

    fn scope(&self, scope: &KayentaScope, asked: Asked<'_>) -> Result<Json, ProviderError> {
        let (control, experiment) = (&scope.control_scope, &scope.experiment_scope);
        for (field, a, b) in [("start", &control.start, &experiment.start), ("end", &control.end, &experiment.end)] {
            if a.is_empty() != b.is_empty() {
                let text = format!("controlScope.{field} and experimentScope.{field} must both be set or be empty");
                return Err(ProviderError::Configure(text));
            }
        }
        let start = if control.start.is_empty() { self.window_start(asked)? } else { String::new() };
        let end = rfc3339(asked.now);
        let detail = |detail: &ScopeDetail| {
            let or = |given: &str, default: &str| if given.is_empty() { default.to_owned() } else { given.to_owned() };
            json!({
                "scope": detail.scope, "location": detail.region, "step": detail.step,
                "start": or(&detail.start, &start), "end": or(&detail.end, &end),
            })
        };
        Ok(json!({"controlScope": detail(control), "experimentScope": detail(experiment)}))
    }

    /// The window begins with the run, or one interval ago. Upstream crashes on a run that has not started.
    fn window_start(&self, asked: Asked<'_>) -> Result<String, ProviderError> {
        if self.metric.lookback {
            return Ok(rfc3339(asked.run.status.started_at.as_ref().map_or(asked.now, |at| at.0)));
        }
        let interval = &asked.metric.interval;
        let window = duration::parse(interval)
            .map_err(|error| ProviderError::Configure(format!("Invalid duration {interval:?}: {error}")))?;
        Ok(rfc3339(asked.now.checked_sub(window).unwrap_or(asked.now)))
    }

    async fn look(&self, asked: Asked<'_>, last: &Measurement) -> Result<Answer, ProviderError> {
        let id = last.metadata.get(EXECUTION).map_or("", String::as_str);
        let request = Request::new(Method::GET, &format!("{}/canary/{}", self.metric.address, percent(id)))?;
        let json = self.json(request, |_| "Invalid Response".to_owned()).await?;
        let missing = |what: &str| ProviderError::Decode(format!("Missing {what}"));
        if !json["complete"].as_bool().ok_or_else(|| missing("Complete Status"))? {
            return Ok(Answer::Pending { metadata: BTreeMap::new(), resume_at: later(asked.now) });
        }
        let score = json.pointer("/result/judgeResult/score/score").and_then(Json::as_f64);
        #[expect(clippy::cast_possible_truncation, reason = "scores are 0 to 100; upstream cuts the fraction off too")]
        let score = score.ok_or_else(|| missing("Score"))? as i64;
        let phase = match score {
            score if score >= self.metric.threshold.pass => SUCCESSFUL,
            score if score >= self.metric.threshold.marginal => INCONCLUSIVE,
            _ => FAILED,
        };
        Ok(Answer::Verdict { phase, message: String::new(), value: score.to_string() })
    }
}

impl Provider for Kayenta {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(self.start(asked))
    }

    fn resume<'a>(&'a self, asked: Asked<'a>, last: &'a Measurement) -> Asking<'a> {
        Box::pin(self.look(asked, last))
    }
}

fn later(now: Timestamp) -> Timestamp {
    now.checked_add(RESUME).unwrap_or(now)
}

fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
