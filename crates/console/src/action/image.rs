//! `set-image`: a new image, which is a new release.

use serde_json::{Value, json};

use super::{Change, Kind, Options, Patch, Refused, Subject};

const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

pub(super) fn effect(subject: &Subject<'_>, options: &Options) -> String {
    let pairs: Vec<String> = options.images.iter().map(|(container, image)| format!("{container}={image}")).collect();
    if pairs.is_empty() {
        return format!("a new image starts a new release of {}", subject.name());
    }
    format!("{}; this starts a new release of {}", pairs.join(", "), subject.name())
}

pub(super) fn flags(options: &Options) -> String {
    options.images.iter().map(|(container, image)| format!(" {container}={image}")).collect()
}

/// One JSON patch; it fails if a container has moved meanwhile.
pub(super) fn changes(subject: &Subject<'_>, options: &Options) -> Result<Vec<Change>, Refused> {
    if options.images.is_empty() {
        return Err(Refused::NoImage);
    }
    let (kind, name, object) = match &subject.typed().spec.workload_ref {
        Some(reference) => (Kind::Deployment, reference.name.clone(), subject.workload.unwrap_or(&Value::Null)),
        None => (Kind::Rollout, subject.name().to_owned(), &subject.rollout.raw),
    };
    let mut patch = Vec::new();
    for (container, image) in &options.images {
        let found = operations(object, container, image);
        if found.is_empty() {
            return Err(Refused::NoContainer(container.clone()));
        }
        patch.extend(found);
    }
    Ok(vec![Change { kind, name, patch: Patch::Json(Value::Array(patch)) }])
}

/// The operations that set the image wherever the name matches.
fn operations(object: &Value, container: &str, image: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for list in LISTS {
        let items = object.pointer("/spec/template/spec").and_then(|pod| pod.get(list)).and_then(Value::as_array);
        for (index, item) in items.into_iter().flatten().enumerate() {
            if container == "*" || item["name"] == container {
                let path = format!("/spec/template/spec/{list}/{index}");
                all.push(json!({"op": "test", "path": format!("{path}/name"), "value": item["name"]}));
                all.push(json!({"op": "add", "path": format!("{path}/image"), "value": image}));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_is_set_wherever_the_name_matches() {
        let object = json!({"spec": {"template": {"spec": {
            "initContainers": [{"name": "init", "image": "a"}],
            "containers": [{"name": "web", "image": "b"}, {"name": "side"}],
        }}}});
        let paths = |container: &str| {
            let operations = operations(&object, container, "x");
            let written = operations.iter().filter(|operation| operation["op"] == "add");
            written.map(|operation| operation["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let pod = "/spec/template/spec";
        assert_eq!(paths("web"), [format!("{pod}/containers/0/image")]);
        assert_eq!(paths("init"), [format!("{pod}/initContainers/0/image")]);
        assert_eq!(paths("*").len(), 3);
        assert!(paths("db").is_empty());
    }
}
