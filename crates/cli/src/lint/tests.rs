use super::*;

fn source(text: &str) -> Source {
    Source { name: "f.yaml".to_owned(), text: text.to_owned() }
}

fn rollout(strategy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: {{app: web}}\n  \
         template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      containers:\n      - name: web\n        image: web:1\n  \
         strategy:\n{strategy}"
    )
}

fn findings(text: &str) -> Vec<String> {
    check(&[source(text)], &Known::default()).findings.iter().map(ToString::to_string).collect()
}

#[test]
fn each_fault_is_told_with_its_line_and_field() {
    let canary = |rest: &str| rollout(&format!("    canary:\n{rest}"));
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: other}}\n";
    for (name, text, expected) in [
        ("clean", canary("      steps:\n      - setWeight: 20\n"), vec![]),
        (
            "nearly written so",
            canary("      stepz:\n      - setWeight: 20\n"),
            vec!["f.yaml:17: Rollout \"web\": spec.strategy.canary.stepz: unknown field; did you mean \"steps\"?"],
        ),
        (
            "wrong level",
            rollout("    maxSurge: 1\n    canary: {}\n"),
            vec!["f.yaml:16: Rollout \"web\": spec.strategy.maxSurge: unknown field; it belongs under \"canary\""],
        ),
        (
            "in a list",
            canary("      steps:\n      - setWeight: 20\n      - setWieght: 40\n"),
            vec![
                "f.yaml:19: Rollout \"web\": spec.strategy.canary.steps[1].setWieght: unknown field; did you mean \"setWeight\"?",
                "f.yaml:19: Rollout \"web\": spec.strategy.steps[1]: Invalid value: \"step.Experiment: true",
            ],
        ),
        (
            "wrong type",
            canary("      steps:\n      - setWeight: many\n"),
            vec![
                "f.yaml:18: Rollout \"web\": spec.strategy.canary.steps[0].setWeight: expected an integer, found a string",
            ],
        ),
        (
            "validation",
            canary("      maxSurge: 0\n      maxUnavailable: 0\n"),
            vec![
                "f.yaml:17: Rollout \"web\": spec.strategy.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero",
            ],
        ),
        (
            "selector of a Service",
            rollout("    blueGreen:\n      activeService: front\n") + service,
            vec![
                "f.yaml:17: Rollout \"web\": spec.strategy.blueGreen.activeService: Invalid value: \"front\": Service \"front\" has \
                 unmatch label \"app\" in rollout",
            ],
        ),
        ("no kind", "a: 1\n".to_owned(), vec!["f.yaml:1: kind: Required value: every document needs a kind"]),
        (
            "metadata",
            "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {nmae: x}\nspec: {metrics: []}\n"
                .to_owned(),
            vec!["f.yaml:3: AnalysisTemplate: metadata.nmae: unknown field; did you mean \"name\"?"],
        ),
    ] {
        let found = findings(&text);
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{name}: {found}\nwanted: {expected}");
        }
    }
}

#[test]
fn broken_yaml_is_told_with_its_line_and_does_not_stop_other_files() {
    let good = source(&rollout("    canary:\n      maxSurge: 0\n      maxUnavailable: 0\n"));
    let bad = Source { name: "b.yaml".to_owned(), text: "a: 1\nb: [1, 2\nc: 3\n".to_owned() };
    let report = check(&[bad, good], &Known::default());
    let files: Vec<&str> = report.findings.iter().map(|finding| finding.file.as_str()).collect();
    assert_eq!(files, ["b.yaml", "f.yaml"]);
    assert!(report.findings[0].message.starts_with("no valid YAML: ") && report.findings[0].line > 1);
    assert_eq!(report.checked, 1);
}

#[test]
fn lists_and_many_documents_are_opened() {
    let one = rollout("    canary:\n      stepz: []\n");
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "x"}, "spec": {"replicaz": 1}}]}"#;
    let found = findings(&format!("{one}---\n---\n{one}"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        findings(list).iter().any(|text| text.contains("spec.replicaz: unknown field; did you mean \"replicas\"?"))
    );
}

#[test]
fn what_is_not_in_the_files_is_named_and_checked_once_known() {
    let text = rollout(
        "    canary:\n      stableService: stable\n      canaryService: canary\n      analysis:\n        templates:\n        - templateName: rate\n",
    );
    let report = check(&[source(&text)], &Known::default());
    assert_eq!(report.findings, []);
    let absent: Vec<String> = report.absent.iter().map(ToString::to_string).collect();
    assert_eq!(absent, ["AnalysisTemplate rate", "Service canary", "Service stable"]);
    let known = Known { objects: report.absent.into_iter().map(|absent| (absent, None)).collect() };
    let found = check(&[source(&text)], &known).findings;
    assert!(found[0].message.ends_with("service \"stable\" not found"), "{found:?}");
}

#[test]
fn workload_in_the_same_files_gives_the_template() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n  workloadRef: {apiVersion: apps/v1, \
                kind: Deployment, name: base}\n  strategy: {blueGreen: {activeService: front}}\n---\napiVersion: apps/v1\nkind: \
                Deployment\nmetadata: {name: base}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: \
                {app: web}}\n    spec: {containers: [{name: web, image: 'web:1'}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: \
                front}\nspec: {selector: {tier: x}}\n";
    let found = findings(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("has unmatch label \"tier\""), "{found:?}");
}
