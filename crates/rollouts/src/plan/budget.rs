//! Which evictions the disruption budgets allow, as far as their status tells.
//!
//! The server decides in the end (an eviction may still be refused); this saves the attempts that are known to fail, and
//! says which budget it is that blocks.

use tiphys_api::selector;

use super::release::Release;
use crate::observe::{BudgetView, PodView};

/// Why a pod may not be evicted now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal<'a> {
    /// Its budget allows no more disruptions.
    Budget(&'a BudgetView),
    /// More than one budget selects it: the server refuses every eviction.
    Several(Vec<&'a BudgetView>),
    /// The server refused a moment ago.
    Server(&'a crate::observe::Refusal),
}

/// Pods that may be evicted, and why the others may not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Allowance<'a> {
    /// In the given order.
    pub allowed: Vec<&'a PodView>,
    /// In the given order.
    pub refused: Vec<(&'a PodView, Refusal<'a>)>,
}

/// Sorts pods into those that may be evicted one after the other and those that may not.
#[must_use]
pub(crate) fn ask<'a>(release: &Release<'a>, pods: &[&'a PodView]) -> Allowance<'a> {
    let budgets = &release.seen.budgets;
    let mut left: Vec<i32> = budgets.iter().map(|budget| budget.allowed).collect();
    let mut answer = Allowance::default();
    for pod in pods {
        let over: Vec<usize> = (0..budgets.len()).filter(|i| covers(&budgets[*i], pod)).collect();
        let refusal = match (recent_refusal(release, pod), over.as_slice()) {
            (Some(refusal), _) => Some(Refusal::Server(refusal)),
            (None, []) => None,
            (None, [i]) => take(&budgets[*i], &mut left[*i], pod),
            (None, several) => Some(Refusal::Several(several.iter().map(|i| &budgets[*i]).collect())),
        };
        match refusal {
            None => answer.allowed.push(pod),
            Some(refusal) => answer.refused.push((pod, refusal)),
        }
    }
    answer
}

fn covers(budget: &BudgetView, pod: &PodView) -> bool {
    selector::selects(budget.selector.as_ref(), &pod.labels)
}

/// A pod that is not ready costs nothing where the policy frees it, or while the budget is met without it.
fn take<'a>(budget: &'a BudgetView, left: &mut i32, pod: &PodView) -> Option<Refusal<'a>> {
    let is_free =
        pod.ready_since.is_none() && (budget.frees_unready || (budget.healthy >= budget.wanted && budget.wanted > 0));
    if is_free {
        return None;
    }
    if *left <= 0 || !budget.is_observed {
        return Some(Refusal::Budget(budget));
    }
    *left -= 1;
    None
}

fn recent_refusal<'a>(release: &Release<'a>, pod: &PodView) -> Option<&'a crate::observe::Refusal> {
    let refusal = release.seen.recall.refused.get(&pod.uid)?;
    let again = refusal.at.saturating_add(release.settings.eviction_retry).ok()?;
    (release.now < again).then_some(refusal)
}
