//! The pages for users: what they show is what happens.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use tiphys_api::{Rollout, types::CanaryStep, validation};
use tiphys_traffic::{Need, Objects, Settings, Wanted, needs};

use crate::scene::{Scene, id_of, is_within};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/traffic"))
}

fn pages() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn block(page: &str, kind: &str) -> Option<Vec<Value>> {
    let (_, rest) = page.split_once(&format!("```yaml {kind}\n"))?;
    let (text, _) = rest.split_once("```")?;
    Some(serde_saphyr::from_multiple(text).unwrap())
}

/// Everything that the steps ask for, as at the last of them.
fn wanted(steps: &[CanaryStep]) -> Wanted {
    let mut wanted = Wanted::default();
    for step in steps {
        wanted.weights.canary.weight = step.set_weight.unwrap_or(wanted.weights.canary.weight);
        wanted.headers.extend(step.set_header_route.clone());
        wanted.mirrors.extend(step.set_mirror_route.clone());
    }
    wanted
}

fn scene(before: Vec<Value>) -> Scene {
    let mut documents = before.into_iter();
    let mut rollout = documents.next().unwrap();
    rollout["metadata"]["uid"] = "u-shop".into();
    let rollout: Rollout = serde_json::from_value(rollout).unwrap();
    let wanted = wanted(&rollout.spec.strategy.canary.as_ref().unwrap().steps);
    let mut scene = Scene { rollout, wanted, objects: Objects::default(), settings: Settings::default() };
    documents.for_each(|object| scene.add(object));
    scene
}

#[test]
fn every_page_shows_what_happens() {
    let mut count = 0;
    for (name, page) in pages() {
        let Some(before) = block(&page, "before") else { continue };
        let scene = scene(before);
        let needed = needs(&scene.rollout, &scene.objects, &scene.settings);
        assert!(!needed.is_empty(), "{name}");
        let after = scene.play();
        for shown in block(&page, "after").unwrap_or_else(|| panic!("{name} does not show the result")) {
            let id = id_of(&shown);
            let found = after.objects.get(&id).unwrap_or_else(|| panic!("{name}: {id} does not exist"));
            assert!(is_within(&shown, found), "{name}: shown {shown:#}\nfound {found:#}");
            assert!(needed.contains(&Need::Named(id.clone())), "{name}: {id} is not asked for");
        }
        count += 1;
    }
    assert_eq!(count, 9, "pages with a manifest");
}

#[test]
fn every_rollout_on_a_page_is_valid() {
    for (name, page) in pages() {
        let Some(before) = block(&page, "before") else { continue };
        let rollout: Rollout = serde_json::from_value(before[0].clone()).unwrap();
        let errors: Vec<String> = validation::validate(&rollout).iter().map(|cause| format!("{cause:?}")).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_index_names_every_page() {
    let all = pages();
    for name in all.keys().filter(|name| *name != "README.md") {
        assert!(all["README.md"].contains(&format!("]({name})")), "{name} is not in the index");
    }
}
