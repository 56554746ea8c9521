//! `app diff`: what a sync would change.

use clap::{ArgAction, Args};
use serde_json::Value;
use tiphys_api::Application;
use tiphys_deliver::{
    cluster::MANAGER,
    compare::{Delivery, targets},
    diff::{DiffOptions, Mode, diff},
    mask::mask,
    normalize::{IgnoreRules, KnownTypes},
    object::{ResourceKey, SYNC_OPTIONS, has_option, version},
    plan::Pair,
};
use tiphys_machinery::{meta, schema};

use super::{
    Apps,
    changing::refresh,
    sources::{Look, key},
};
use crate::{
    commands::list::yaml,
    error::Failure,
    printer::{Colour, Printer},
};

/// Shows what a sync would change, as a diff from the cluster to Git. Exit code 1 says that something differs.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The Application
    #[arg(value_name = "NAME")]
    name: String,
    /// Look at Git and the cluster first
    #[arg(long)]
    refresh: bool,
    /// Look at Git and the cluster first, and make manifests again
    #[arg(long)]
    hard_refresh: bool,
    /// Compare with this revision
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// End with another exit code than 0 when something differs
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    exit_code: bool,
}

impl Diff {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        // 1 says that something differs, so a failure says 2.
        let any = self.show(apps).await.map_err(Failure::of_comparing)?;
        if any && self.exit_code { Err(Failure::silent()) } else { Ok(()) }
    }

    /// Returns whether anything differs.
    async fn show(&self, apps: &Apps<'_>) -> Result<bool, Failure> {
        if self.refresh || self.hard_refresh {
            refresh(&self.name, self.hard_refresh, apps).await?;
        }
        let app = apps.find(&self.name).await?;
        let look = Look::at(apps, &app).await?;
        let pairs = pairs(apps, &app, &look, self.revision.as_deref()).await?;
        let mut any = false;
        for (key, pair) in pairs {
            let Some(text) = page(&app, &look, &pair, apps)? else { continue };
            any = true;
            let group = if key.group.is_empty() { String::new() } else { format!("{}/", key.group) };
            apps.printer.line(format!("\n===== {group}{} {}/{} ======", key.kind, key.namespace, key.name))?;
            apps.printer.text(&text)?;
        }
        Ok(any)
    }
}

/// Targets and what is live, sorted; hooks are none of them.
async fn pairs(
    apps: &Apps<'_>,
    app: &Application,
    look: &Look,
    revision: Option<&str>,
) -> Result<Vec<(ResourceKey, Pair)>, Failure> {
    let rendered = look.render(apps, app, revision).await?;
    let (rules, types) = (IgnoreRules::new([]).map_err(unreadable)?, KnownTypes::new([]));
    let delivery = Delivery {
        application: &look.instance,
        namespace: &app.spec.destination.namespace,
        tracking: look.settings.live.tracking(),
        ignore: &rules,
        trusted: &|_| Vec::new(),
        types: &types,
        server_side_apply: false,
        options: &[],
        ignore_aggregated_roles: look.settings.ignore_aggregated_roles,
        scripts: &[],
        schema: &|_| None,
        now: apps.cluster.clock.now(),
    };
    let made = targets(&delivery, &rendered.manifests, &look.kinds);
    let mut pairs = Vec::new();
    for target in made.objects.into_iter().filter(|target| !tiphys_deliver::hook::is_hook(target)) {
        let key = ResourceKey::of(&target);
        let live = look.live(&key, version(&target)).await?;
        pairs.push((key, Pair { target: Some(target), live }));
    }
    for one in app.status.resources.iter().filter(|one| !one.hook) {
        let key = key(one);
        let is_tracked = |live: &Value| look.settings.live.tracking().application(live) == look.instance;
        if pairs.iter().all(|(known, _)| *known != key)
            && let Some(live) = look.live(&key, &one.version).await?.filter(is_tracked)
        {
            pairs.push((key, Pair { target: None, live: Some(live) }));
        }
    }
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(pairs)
}

fn unreadable(error: impl std::error::Error) -> Failure {
    Failure::new("the fields that do not count cannot be read").caused_by(error)
}

/// Returns the diff of one object; none where nothing differs.
fn page(app: &Application, look: &Look, pair: &Pair, apps: &Apps<'_>) -> Result<Option<String>, Failure> {
    let masked = mask(pair.target.as_ref(), pair.live.as_ref(), &[]);
    let rules = look.settings.ignore_rules(app).map_err(unreadable)?;
    let types = KnownTypes::new([]);
    let normalizer = |object: &mut Value| {
        // What rules and types cannot change stays as it is.
        let _unchanged = (rules.apply(object), types.apply(object));
    };
    let object = masked.target.as_ref().or(masked.live.as_ref()).unwrap_or(&Value::Null);
    let schema = schema::builtin(meta::api_version(object), meta::kind(object));
    let options = app.spec.sync_policy.as_ref().map(|policy| policy.sync_options.clone()).unwrap_or_default();
    let merges = options.iter().any(|option| option == "ServerSideApply=true")
        && !has_option(object, SYNC_OPTIONS, "ServerSideApply=false");
    let options = DiffOptions {
        mode: if merges { Mode::Structured { manager: MANAGER } } else { Mode::Merge },
        ignore_aggregated_roles: look.settings.ignore_aggregated_roles,
        normalizer: &normalizer,
        types: &|_| schema.clone().or_else(|| Some(std::sync::Arc::new(schema::Schema::any()))),
        now: apps.cluster.clock.now(),
    };
    let found = diff(masked.target.as_ref(), masked.live.as_ref(), &options)
        .map_err(|error| Failure::new("the objects cannot be compared").caused_by(error))?;
    if !found.modified && pair.target.is_some() && pair.live.is_some() {
        return Ok(None);
    }
    let text = |value: &Value| if value.is_null() { Ok(String::new()) } else { yaml(value) };
    Ok(Some(lines(&text(&found.live)?, &text(&found.predicted)?, apps.printer)))
}

/// Lines around a change that are shown.
const CONTEXT: usize = 3;

/// Returns what leads from one text to the other, with some lines around each change.
fn lines(from: &str, to: &str, printer: Printer) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let all = whole(&from, &to);
    let is_near = |at: usize| {
        let around = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(all.len());
        all[around].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    let mut skipped = false;
    for (at, (mark, line)) in all.iter().enumerate() {
        if !is_near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) && !text.is_empty() {
            text.push_str("  …\n");
        }
        let line = format!("{mark} {line}");
        let line = match mark {
            '+' => printer.paint(Colour::Green, &line),
            '-' => printer.paint(Colour::Red, &line),
            _ => line,
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What begins and ends alike needs no search, which costs the product of both lengths.
fn whole<'t>(from: &[&'t str], to: &[&'t str]) -> Vec<(char, &'t str)> {
    let begin = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let (from_rest, to_rest) = (&from[begin..], &to[begin..]);
    let end = from_rest.iter().rev().zip(to_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (from_middle, tail) = from_rest.split_at(from_rest.len() - end);
    let to_middle = &to_rest[..to_rest.len() - end];
    let same = |lines: &[&'t str]| lines.iter().map(|line| (' ', *line)).collect::<Vec<_>>();
    [same(&from[..begin]), edits(from_middle, to_middle), same(tail)].concat()
}

/// Lines that are in both, in one or in the other, by the longest common subsequence.
fn edits<'t>(from: &[&'t str], to: &[&'t str]) -> Vec<(char, &'t str)> {
    let mut common = vec![vec![0_u32; to.len() + 1]; from.len() + 1];
    for a in (0..from.len()).rev() {
        for b in (0..to.len()).rev() {
            common[a][b] =
                if from[a] == to[b] { common[a + 1][b + 1] + 1 } else { common[a + 1][b].max(common[a][b + 1]) };
        }
    }
    let (mut a, mut b, mut all) = (0, 0, Vec::new());
    while a < from.len() || b < to.len() {
        if a < from.len() && b < to.len() && from[a] == to[b] {
            all.push((' ', from[a]));
            (a, b) = (a + 1, b + 1);
        } else if b >= to.len() || (a < from.len() && common[a + 1][b] >= common[a][b + 1]) {
            all.push(('-', from[a]));
            a += 1;
        } else {
            all.push(('+', to[b]));
            b += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_near_a_change_are_shown() {
        let printer = Printer::for_terminal(true);
        let from = "a\nb\nc\nd\ne\nf\n";
        assert_eq!(lines(from, "a\nb\nc\nd\ne\ng\n", printer), "  c\n  d\n  e\n- f\n+ g\n");
        assert_eq!(lines(from, from, printer), "");
        assert_eq!(lines("", "a\n", printer), "+ a\n");
        assert_eq!(lines("a\na\n", "a\n", printer), "  a\n- a\n");
        assert_eq!(
            lines("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n", printer),
            "+ 0\n  1\n  2\n  3\n  …\n  6\n  7\n  8\n- 9\n"
        );
    }
}
