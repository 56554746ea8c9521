//! Whether the load balancers of an Ingress have the weights.

use tiphys_api::types::AlbStatus;
use tiphys_runtime::recorder::Note;

use super::{
    CallError, ElasticLoadBalancing,
    api::{self, Forward, Named},
    status,
};
use crate::{
    outcome::{Verified, Verify},
    settings::Settings,
};

/// Asks whether all load balancers of an Ingress have the weights of `ask`.
///
/// A weight counts where a rule forwards to canary and stable both, so that the rule of a header route (which sends all to
/// the canary) is not taken for the split. Failures of AWS are in the answer.
pub async fn verify_weights(aws: &dyn ElasticLoadBalancing, ask: &Verify, settings: &Settings) -> Verified {
    let mut answer = Verified { is_verified: true, why: None, status: None, events: Vec::new() };
    for hostname in &ask.hostnames {
        match one(aws, ask, settings, hostname).await {
            Ok(found) => answer.add(found),
            Err(error) => answer.add(failed(ask, &error)),
        }
    }
    answer.is_verified &= !ask.hostnames.is_empty();
    answer
}

impl Verified {
    fn add(&mut self, other: Self) {
        self.is_verified &= other.is_verified;
        self.why = self.why.take().or(other.why);
        self.status = other.status.or(self.status.take());
        self.events.extend(other.events);
    }

    fn not_yet(why: String, event: Note) -> Self {
        Self { is_verified: false, why: Some(why), status: None, events: vec![event] }
    }
}

fn failed(ask: &Verify, error: &CallError) -> Verified {
    let message = format!("Failed to verify Service {} (TargetGroup unknown): {error}", ask.canary.0);
    Verified::not_yet(message.clone(), Note::warning("TargetGroupVerifyError", message))
}

/// The target groups of an Ingress by Service.
struct Groups {
    canary: Option<Named>,
    stable: Option<Named>,
    additional: Vec<Option<Named>>,
}

async fn one(
    aws: &dyn ElasticLoadBalancing,
    ask: &Verify,
    settings: &Settings,
    hostname: &str,
) -> Result<Verified, CallError> {
    let Some(balancer) = api::load_balancer(aws, hostname).await? else {
        let message = format!("Failed to find load balancer: {hostname}");
        return Ok(Verified::not_yet(message.clone(), Note::warning("LoadBalancerNotFound", message)));
    };
    let groups = groups(aws, ask, settings, &balancer).await?;
    let forwards = api::forwards(aws, &balancer.arn).await?;
    let splits: Vec<&Forward> = forwards.iter().filter(|forward| groups.are_split_by(forward)).collect();
    let mut answer = Verified { is_verified: true, why: None, status: None, events: Vec::new() };
    answer.add(compare("canary", &ask.canary, groups.canary.as_ref(), &splits));
    for (wanted, group) in ask.additional.iter().zip(&groups.additional) {
        answer.add(compare("experiment", wanted, group.as_ref(), &splits));
    }
    answer.status = Some(AlbStatus {
        load_balancer: status::load_balancer(&balancer),
        canary_target_group: groups.canary.as_ref().map(status::target_group).unwrap_or_default(),
        stable_target_group: groups.stable.as_ref().map(status::target_group).unwrap_or_default(),
        ingress: ask.ingress.name.clone(),
    });
    Ok(answer)
}

impl Groups {
    fn are_split_by(&self, forward: &Forward) -> bool {
        let has = |group: &Option<Named>| group.as_ref().is_some_and(|group| forward.contains_key(&group.arn));
        has(&self.canary) && has(&self.stable)
    }
}

async fn groups(
    aws: &dyn ElasticLoadBalancing,
    ask: &Verify,
    settings: &Settings,
    balancer: &Named,
) -> Result<Groups, CallError> {
    let all = api::target_groups(aws, &balancer.arn).await?;
    let arns: Vec<String> = all.iter().map(|group| group.arn.clone()).collect();
    let tags = api::tags(aws, &arns, &settings.alb_tag_key).await?;
    let of = |service: &str| {
        let tag = format!("{}/{}-{service}:{}", ask.ingress.namespace, ask.ingress.name, ask.port);
        all.iter().find(|group| tags.get(&group.arn) == Some(&tag)).cloned()
    };
    Ok(Groups {
        canary: of(&ask.canary.0),
        stable: of(&ask.stable.0),
        additional: ask.additional.iter().map(|(service, _)| of(service)).collect(),
    })
}

/// All rules that split must agree.
fn compare(role: &str, wanted: &(String, i64), group: Option<&Named>, splits: &[&Forward]) -> Verified {
    let (service, weight) = wanted;
    let arn = group.map_or("unknown", |group| group.arn.as_str());
    let found: Vec<i64> = splits.iter().map(|forward| forward.get(arn).copied().unwrap_or(0)).collect();
    let subject = format!("Service {service} (TargetGroup {arn})");
    if group.is_some() && !found.is_empty() && found.iter().all(|found| found == weight) {
        let message = format!("{subject} verified: {role} weight {weight} set");
        let event = Note::normal("TargetGroupVerified", message);
        return Verified { is_verified: true, why: None, status: None, events: vec![event] };
    }
    let other = found.into_iter().find(|found| found != weight);
    let current = other.map_or_else(|| "unknown".to_owned(), |current| current.to_string());
    let message = format!("{subject} not verified: {role} weight {weight} not yet set (current: {current})");
    Verified::not_yet(message.clone(), Note::warning("TargetGroupUnverified", message))
}
