//! Jobs and CronJobs.

use serde_json::Value;

use super::{
    fields::{int, is_set, list, text},
    numbers::all_non_negative,
    one_of, required_one_of, stays,
};
use crate::{
    cron,
    error::Cause,
    field::Path,
    meta, names,
    pod_template::{self, Caller, label_selector},
    selector::LabelSelector,
};

const UID: &str = "batch.kubernetes.io/controller-uid";
const NAME: &str = "batch.kubernetes.io/job-name";

pub(super) fn job(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = generated_selector(object, old);
    causes.extend(job_spec(spec, &path));
    let (given, at) = (&spec["selector"], path.child("selector"));
    if given.is_object() {
        causes.extend(label_selector(given, &at));
    } else {
        causes.push(at.required(""));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    if LabelSelector::from_object(given).is_ok_and(|selector| !selector.matches(labels)) {
        let at = path.child("template").child("metadata").child("labels");
        causes.push(at.invalid(labels.clone(), "`selector` does not match template `labels`"));
    }
    if old.is_none() {
        causes.extend(host_name(object));
    }
    causes
}

/// Pods of an indexed Job are named after it and their index.
fn host_name(object: &Value) -> Option<Cause> {
    let spec = &object["spec"];
    let last = spec["completions"].as_i64().filter(|n| *n > 0 && text(spec, "completionMode") == "Indexed")? - 1;
    let host = format!("{}-{last}", meta::name(object));
    let detail = format!("will not able to create pod with invalid DNS label: {host}");
    (!names::dns_label(&host).is_empty()).then(|| Path::new("metadata.name").invalid(meta::name(object), &detail))
}

/// Unless the user selects by hand, labels and selector are those that the server made.
fn generated_selector(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let spec = &object["spec"];
    if spec["manualSelector"] == true || !spec["selector"].is_object() {
        return Vec::new();
    }
    let labels = &spec["template"]["metadata"]["labels"];
    // Objects from before the prefixed labels keep doing without them.
    let prefixed = old.is_none_or(|old| {
        let before = &old["spec"]["template"]["metadata"]["labels"];
        [UID, NAME].iter().all(|key| before.get(*key).is_some())
    });
    let expected = [
        ("controller-uid", meta::uid(object), true),
        ("job-name", meta::name(object), true),
        (UID, meta::uid(object), prefixed),
        (NAME, meta::name(object), prefixed),
    ];
    let at = Path::new("spec.template.metadata").child("labels");
    let mut causes = Vec::new();
    for (key, value, _) in expected.iter().filter(|(.., needed)| *needed) {
        let at = at.key(key);
        match labels.get(*key).and_then(Value::as_str) {
            None => causes.push(
                Path::new("spec.template.metadata").child("labels").key(key).required(&format!("must be '{value}'")),
            ),
            Some(found) if found != *value => causes.push(at.invalid(labels.clone(), &format!("must be '{value}'"))),
            Some(_) => {}
        }
    }
    let needed = expected.iter().filter(|(.., needed)| *needed);
    let all: Value = needed.map(|(key, value, _)| ((*key).to_owned(), Value::from(*value))).collect();
    if LabelSelector::from_object(&spec["selector"]).is_ok_and(|selector| !selector.matches(&all)) {
        causes.push(Path::new("spec.selector").invalid(spec["selector"].clone(), "`selector` not auto-generated"));
    }
    causes
}

fn job_spec(spec: &Value, path: &Path) -> Vec<Cause> {
    let numbers = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    let mut causes = all_non_negative(spec, &numbers, path);
    if is_set(spec, "maxFailedIndexes") && !is_set(spec, "backoffLimitPerIndex") {
        causes.push(path.child("backoffLimitPerIndex").required("when maxFailedIndexes is specified"));
    }
    causes.extend(one_of(spec, "completionMode", &["NonIndexed", "Indexed"], path));
    causes.extend(if text(spec, "completionMode") == "Indexed" {
        indexed(spec, path)
    } else {
        not_indexed(spec, path)
    });
    causes.extend(failure_policy(spec, &path.child("podFailurePolicy")));
    let replacements: &[&str] =
        if is_set(spec, "podFailurePolicy") { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    causes.extend(one_of(spec, "podReplacementPolicy", replacements, path));
    causes.extend(pod_template::validate(&spec["template"], &path.child("template"), Caller::ApiServer));
    causes.extend(restart_policy(spec, &path.child("template").child("spec").child("restartPolicy")));
    causes
}

fn indexed(spec: &Value, path: &Path) -> Vec<Cause> {
    const MOST: i64 = 100_000;
    let mut causes = Vec::new();
    if !is_set(spec, "completions") {
        causes.push(path.child("completions").required("when completion mode is Indexed"));
    }
    let parallelism = int(spec, "parallelism");
    if parallelism > MOST {
        let detail = format!("must be less than or equal to {MOST} when completion mode is Indexed");
        causes.push(path.child("parallelism").invalid(parallelism, &detail));
    }
    let (failed, completions) = (int(spec, "maxFailedIndexes"), spec["completions"].as_i64());
    if completions.is_some_and(|completions| failed > completions) {
        causes.push(path.child("maxFailedIndexes").invalid(failed, "must be less than or equal to completions"));
    }
    causes
}

fn not_indexed(spec: &Value, path: &Path) -> Vec<Cause> {
    let fields = ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"];
    let set = fields.into_iter().filter(|field| is_set(spec, field));
    set.map(|field| path.child(field).invalid(spec[field].clone(), "requires indexed completion mode")).collect()
}

fn failure_policy(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, rule) in list(&spec["podFailurePolicy"], "rules").iter().enumerate() {
        let at = path.child("rules").index(i);
        match text(rule, "action") {
            "" => {
                let detail = "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]";
                causes.push(at.child("action").required(detail));
            }
            "FailIndex" if !is_set(spec, "backoffLimitPerIndex") => {
                let detail = "requires the backoffLimitPerIndex to be set";
                causes.push(at.child("action").invalid("FailIndex", detail));
            }
            _ => causes.extend(one_of(rule, "action", &["Count", "FailIndex", "FailJob", "Ignore"], &at)),
        }
        causes.extend(exit_codes(&rule["onExitCodes"], &at.child("onExitCodes")));
    }
    causes
}

fn exit_codes(rule: &Value, path: &Path) -> Vec<Cause> {
    if !rule.is_object() {
        return Vec::new();
    }
    let mut causes: Vec<Cause> = required_one_of(rule, "operator", &["In", "NotIn"], path).into_iter().collect();
    let (values, at) = (list(rule, "values"), path.child("values"));
    if values.is_empty() {
        causes.push(at.invalid(rule["values"].clone(), "at least one value is required"));
    }
    let codes: Vec<i64> = values.iter().filter_map(Value::as_i64).collect();
    if text(rule, "operator") == "In" {
        let zeros = codes.iter().enumerate().filter(|(_, code)| **code == 0);
        causes.extend(zeros.map(|(i, _)| at.index(i).invalid(0, "must not be 0 for the In operator")));
    }
    if !codes.is_sorted() {
        causes.push(at.invalid(rule["values"].clone(), "must be ordered"));
    }
    causes
}

fn restart_policy(spec: &Value, path: &Path) -> Option<Cause> {
    match text(&spec["template"]["spec"], "restartPolicy") {
        "Always" | "" => Some(path.required("valid values: \"OnFailure\", \"Never\"")),
        "Never" => None,
        "OnFailure" if is_set(spec, "podFailurePolicy") => {
            Some(path.invalid("OnFailure", "only \"Never\" is supported when podFailurePolicy is specified"))
        }
        "OnFailure" => None,
        other => Some(path.unsupported(other, &["OnFailure", "Never"])),
    }
}

pub(super) fn update(new: &Value, old: &Value) -> Vec<Cause> {
    let (spec, before) = (&new["spec"], &old["spec"]);
    let mut causes = completions(spec, before);
    causes.extend(stays(new, old, &["spec", "selector"]));
    causes.extend(template_stays(new, old));
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        causes.extend(stays(new, old, &["spec", field]));
    }
    causes
}

/// An indexed Job may change completions together with parallelism.
fn completions(spec: &Value, before: &Value) -> Vec<Cause> {
    let (new, at) = (&spec["completions"], Path::new("spec.completions"));
    if meta::equal(None, Some(new), Some(&before["completions"])) {
        return Vec::new();
    }
    if text(spec, "completionMode") != "Indexed" {
        return vec![at.invalid(new.clone(), "field is immutable")];
    }
    let apart = !new.is_null() && *new != spec["parallelism"];
    let detail = "can only be modified in tandem with spec.parallelism";
    if apart { vec![at.invalid(new.clone(), detail)] } else { Vec::new() }
}

/// A suspended Job that never ran may still change where its pods run.
fn template_stays(new: &Value, old: &Value) -> Vec<Cause> {
    let mut allowed = old.clone();
    if old["spec"]["suspend"] == true && !is_set(&old["status"], "startTime") {
        let template = &new["spec"]["template"];
        for field in ["nodeSelector", "tolerations", "schedulingGates"] {
            meta::take(&mut allowed["spec"]["template"]["spec"], &template["spec"], field);
        }
        for field in ["annotations", "labels"] {
            meta::take(&mut allowed["spec"]["template"]["metadata"], &template["metadata"], field);
        }
        let others = |affinity: &Value| is_set(affinity, "podAffinity") || is_set(affinity, "podAntiAffinity");
        if !others(&template["spec"]["affinity"]) && !others(&old["spec"]["template"]["spec"]["affinity"]) {
            meta::take(&mut allowed["spec"]["template"]["spec"], &template["spec"], "affinity");
        }
    }
    stays(new, &allowed, &["spec", "template"])
}

pub(super) fn update_status(new: &Value, old: &Value) -> Vec<Cause> {
    let (status, path) = (&new["status"], Path::new("status"));
    let mut causes = all_non_negative(status, &["active", "succeeded", "failed", "ready", "terminating"], &path);
    let is = |object, kind| meta::is_condition_true(object, kind);
    let (complete, failed) = (is(new, "Complete"), is(new, "Failed"));
    let mut refuse = |wrong: bool, field: &str, detail: &str| {
        if wrong {
            causes.push(path.child(field).invalid_as_a_whole(detail));
        }
    };
    refuse(complete && failed, "conditions", "cannot set Complete=True and Failed=true conditions");
    refuse(
        complete && is(new, "FailureTarget"),
        "conditions",
        "cannot set Complete=True and FailureTarget=true conditions",
    );
    refuse(
        failed && !is(new, "FailureTarget"),
        "conditions",
        "cannot set Failed=True condition without the FailureTarget=true condition",
    );
    refuse(
        complete && !is(new, "SuccessCriteriaMet"),
        "conditions",
        "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
    );
    for kind in ["Failed", "Complete", "FailureTarget"] {
        let undone = is(old, kind) && !is(new, kind);
        refuse(undone, "conditions", &format!("cannot disable the terminal {kind}=True condition"));
    }
    if (complete || failed) && !is_set(status, "startTime") {
        causes.push(path.child("startTime").required("startTime is required for finished job"));
    }
    if complete && !is_set(status, "completionTime") {
        causes.push(path.child("completionTime").required("completionTime is required for Complete jobs"));
    }
    if (complete || failed) && int(status, "active") > 0 {
        let active = int(status, "active");
        causes.push(path.child("active").invalid(active, "active>0 is invalid for finished job"));
    }
    causes
}

pub(super) fn create_cron_job(object: &Value) -> Vec<Cause> {
    let mut causes = cron_job(object, None);
    if meta::name(object).len() > 52 {
        let detail = "must be no more than 52 characters";
        causes.push(Path::new("metadata.name").invalid(meta::name(object), detail));
    }
    causes
}

pub(super) fn cron_job(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = schedule(spec, old, &path.child("schedule"));
    causes.extend(time_zone(spec, &path.child("timeZone")));
    let numbers = ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"];
    causes.extend(all_non_negative(spec, &numbers, &path));
    causes.extend(required_one_of(spec, "concurrencyPolicy", &["Allow", "Forbid", "Replace"], &path));
    let (job, at) = (&spec["jobTemplate"]["spec"], path.child("jobTemplate").child("spec"));
    causes.extend(job_spec(job, &at));
    if is_set(job, "selector") {
        causes.push(at.child("selector").invalid(job["selector"].clone(), "`selector` will be auto-generated"));
    }
    if job["manualSelector"] == true {
        causes.push(at.child("manualSelector").unsupported(true, &["nil", "false"]));
    }
    causes
}

fn schedule(spec: &Value, old: Option<&Value>, path: &Path) -> Vec<Cause> {
    let given = text(spec, "schedule");
    if given.is_empty() {
        return vec![path.required("")];
    }
    let mut causes: Vec<Cause> = cron::refusal(given).map(|why| path.invalid(given, &why)).into_iter().collect();
    let zone_allowed = old.is_some_and(|old| text(&old["spec"], "schedule").contains("TZ"));
    if given.contains("TZ") {
        if !zone_allowed {
            let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            causes.push(path.invalid(given, detail));
        } else if is_set(spec, "timeZone") {
            let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
            causes.push(path.invalid(given, detail));
        }
    }
    causes
}

fn time_zone(spec: &Value, path: &Path) -> Option<Cause> {
    let zone = spec["timeZone"].as_str()?;
    if zone.is_empty() {
        return Some(path.invalid(zone, "timeZone must be nil or non-empty string"));
    }
    if zone.eq_ignore_ascii_case("local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        return Some(path.invalid(zone, detail));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    let well_formed = zone.split('/').all(|part| {
        !matches!(part, "" | "." | "..") && !part.starts_with('-') && part.len() <= 14 && part.chars().all(fits)
    });
    let detail = format!("unknown time zone {zone}");
    (!well_formed || !is_known_zone(zone)).then(|| path.invalid(zone, &detail))
}

/// Whether the time zone database of this program knows the zone; without a database any well-formed name passes.
fn is_known_zone(zone: &str) -> bool {
    let database = jiff::tz::db();
    database.available().next().is_none() || database.get(zone).is_ok()
}
