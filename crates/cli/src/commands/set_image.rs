//! `set image`: a new image, which is a new release.

use clap::Args;
use kube::api::{DynamicObject, PostParams};
use serde_json::Value;

use crate::{
    cluster::{Cluster, Kind, raw},
    error::Failure,
    printer::Printer,
    target,
};

/// How often a write that met another one is tried.
const ATTEMPTS: usize = 5;
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Changes the image of a container; of all containers with `*`.
#[derive(Debug, Args)]
pub(crate) struct SetImage {
    /// The Rollout
    #[arg(value_name = "ROLLOUT")]
    name: String,
    /// Container and image
    #[arg(required = true, value_name = "CONTAINER=IMAGE")]
    images: Vec<String>,
}

impl SetImage {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let images: Vec<(&str, &str)> = self.images.iter().map(|pair| split(pair)).collect::<Result<_, _>>()?;
        let targets = target::parse(std::slice::from_ref(&self.name))?;
        let Some(target) = targets.first() else { return Err(Failure::usage("no Rollout is named")) };
        let rollout = cluster.resolve(target).await?.typed;
        let own = rollout.metadata.name.clone().unwrap_or_default();
        let (kind, word, name) = match &rollout.spec.workload_ref {
            Some(reference) => (Kind::Deployment, "deployment", reference.name.clone()),
            None => (Kind::Rollout, "rollout", own.clone()),
        };
        let pairs = self.images.join(", ");
        printer.note(&format!("set image {word} {name}: {pairs}; this starts a new release of {own}"));
        write(cluster, kind, &name, &images).await?;
        printer.line(format!("{word} \"{name}\" image updated"))?;
        Ok(())
    }
}

fn split(pair: &str) -> Result<(&str, &str), Failure> {
    match pair.split('=').collect::<Vec<_>>()[..] {
        [container, image] if !container.is_empty() && !image.is_empty() => Ok((container, image)),
        _ => Err(Failure::usage(format!("`{pair}` is not CONTAINER=IMAGE"))),
    }
}

async fn write(cluster: &Cluster, kind: Kind, name: &str, images: &[(&str, &str)]) -> Result<(), Failure> {
    let api = cluster.api(kind);
    let params = PostParams { field_manager: Some("tiphys".to_owned()), ..PostParams::default() };
    let mut attempt = 1;
    loop {
        let mut object = raw(&api.get(name).await?);
        for (container, image) in images {
            set(&mut object, container, image)?;
        }
        let object: DynamicObject = serde_json::from_value(object)
            .map_err(|error| Failure::new(format!("{name} cannot be written")).caused_by(error))?;
        match api.replace(name, &params, &object).await {
            Err(kube::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => attempt += 1,
            written => return Ok(written.map(drop)?),
        }
    }
}

/// Sets the image wherever the name matches.
fn set(object: &mut Value, container: &str, image: &str) -> Result<(), Failure> {
    let Some(pod) = object.pointer_mut("/spec/template/spec") else {
        return Err(Failure::new(format!("unable to find container named \"{container}\"")));
    };
    let mut found = false;
    for list in LISTS {
        for item in pod.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if container == "*" || item["name"] == container {
                item["image"] = image.into();
                found = true;
            }
        }
    }
    if found { Ok(()) } else { Err(Failure::new(format!("unable to find container named \"{container}\""))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn image_is_set_wherever_the_name_matches() {
        let object = json!({"spec": {"template": {"spec": {
            "initContainers": [{"name": "init", "image": "a"}],
            "containers": [{"name": "web", "image": "b", "unknown": 1}],
        }}}});
        for (container, init, web) in [("web", "a", "x"), ("init", "x", "b"), ("*", "x", "x")] {
            let mut changed = object.clone();
            set(&mut changed, container, "x").unwrap();
            let pod = &changed["spec"]["template"]["spec"];
            assert_eq!(pod["initContainers"][0]["image"], init, "{container}");
            assert_eq!(pod["containers"][0]["image"], web, "{container}");
            assert_eq!(pod["containers"][0]["unknown"], 1);
        }
        let failure = set(&mut object.clone(), "db", "x").unwrap_err();
        assert_eq!(failure.to_string(), "error: unable to find container named \"db\"");
    }

    #[test]
    fn pair_needs_both_sides() {
        assert!(split("web=nginx:1").is_ok());
        assert!(split("web").is_err());
        assert!(split("=nginx").is_err());
    }
}
