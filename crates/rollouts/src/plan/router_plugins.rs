//! Routers that are plugins: who has to be told, and what their answers mean.

use jiff::SignedDuration;
use tiphys_api::defaults;
use tiphys_traffic::{Fault, PluginCall, Router, Wanted};

use super::release::Release;
use crate::{
    action::{Action, Step},
    router_plugin::{Ask, State, Told},
};

/// What one pass has to do with router plugins.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Why plugins could not do their part.
    pub(super) faults: Vec<Fault>,
    /// Whether they confirm the weights: nothing where none can tell.
    pub(super) verified: Option<bool>,
    /// What is missing.
    pub(super) missing: Option<String>,
    /// Plugins to tell.
    pub(super) asks: Vec<Step>,
}

/// Plans what plugins are told. A good answer holds as long as the wanted state is the same.
pub(super) fn round(release: &Release<'_>, wanted: &Wanted, calls: &[PluginCall]) -> Round {
    let mut round = Round::default();
    for call in calls {
        let ask = ask(release, wanted, call);
        let known = release.seen.recall.told.iter().find(|told| told.ask == ask);
        round.take(release, ask, known);
    }
    round
}

fn ask(release: &Release<'_>, wanted: &Wanted, call: &PluginCall) -> Ask {
    Ask {
        plugin: call.plugin.clone(),
        config: call.config.clone(),
        max_weight: defaults::max_traffic_weight(release.rollout),
        weights: wanted.weights.clone(),
        headers: wanted.headers.clone(),
        mirrors: wanted.mirrors.clone(),
    }
}

impl Round {
    fn take(&mut self, release: &Release<'_>, ask: Ask, known: Option<&Told>) {
        let Some(told) = known else {
            self.not_yet(format!("plugin {} has not been told yet", ask.plugin));
            return self.ask(ask);
        };
        let settings = release.settings;
        let is_due = |pause: SignedDuration| told.at.checked_add(pause).is_ok_and(|again| again <= release.now);
        match &told.answer {
            Ok(State::InForce) => self.verified = Some(self.verified.unwrap_or(true)),
            Ok(State::Unknown) => {}
            Ok(State::NotYet(why)) => {
                self.not_yet(format!("{}: {why}", ask.plugin));
                if is_due(settings.verify_retry) {
                    self.ask(ask);
                }
            }
            Err(why) => {
                let mut fault = *Fault::new(Router::Plugin(ask.plugin.clone()), why.clone());
                fault.remedy = Some("look at the plugin's log and configuration; it is told again".to_owned());
                self.faults.push(fault);
                if is_due(settings.fault_retry) {
                    self.ask(ask);
                }
            }
        }
    }

    fn not_yet(&mut self, why: String) {
        self.verified = Some(false);
        self.missing.get_or_insert(why);
    }

    fn ask(&mut self, ask: Ask) {
        self.asks.push(Step::quiet(Action::TellRouter(Box::new(ask))));
    }
}
