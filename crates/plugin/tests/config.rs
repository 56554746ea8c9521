//! The ConfigMap.

use std::collections::BTreeMap;

use tiphys_plugin::{Configured, Role, configured};

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn all_fields_are_read() {
    let text = "
- name: argoproj-labs/sample-nginx
  location: https://example.com/plugin
  sha256: abc
  args: [-l, '2']
  headersFrom: [{secretRef: {name: token}}]
- name: a/b
  location: file:///plugin
";
    let (found, errors) = configured(&data(&[
        ("trafficRouterPlugins", text),
        ("stepPlugins", "[{name: a/b, disabled: true}]"),
        ("other", "x"),
    ]));
    assert_eq!(errors, []);
    let first = Configured {
        role: Role::Traffic,
        name: "argoproj-labs/sample-nginx".to_owned(),
        location: "https://example.com/plugin".to_owned(),
        sha256: "abc".to_owned(),
        args: vec!["-l".to_owned(), "2".to_owned()],
        header_secrets: vec!["token".to_owned()],
        is_disabled: false,
    };
    assert_eq!(found[1], first);
    let roles: Vec<_> = found.iter().map(|one| (one.role, one.name.as_str(), one.is_disabled)).collect();
    let expected = [
        (Role::Step, "a/b", true),
        (Role::Traffic, "argoproj-labs/sample-nginx", false),
        (Role::Traffic, "a/b", false),
    ];
    assert_eq!(roles, expected, "one name in two roles is two plugins");
}

#[test]
fn a_wrong_entry_stops_only_itself() {
    let text = "[{name: x}, {name: ../b}, {name: a/..}, {name: a/b/c}, {name: ' /b'}, {name: a/ok}, {name: a/ok}]";
    let (found, errors) =
        configured(&data(&[("trafficRouterPlugins", text), ("metricProviderPlugins", "{a: b}"), ("stepPlugins", "")]));
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a/ok"]);
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(texts[0].starts_with("metricProviderPlugins: "), "{texts:?}");
    assert_eq!(texts[1], "plugin repository (x) must be in the format of <namespace>/<name>");
    assert_eq!(texts[6], "trafficRouterPlugins: plugin a/ok is listed twice");
    assert_eq!(texts.len(), 7);
}
