//! Which images run, and in which role.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::ReplicaSet;
use tiphys_api::Rollout;

use super::release::{self, Role};

/// Returns the images of the containers of a ReplicaSet, in their order.
#[must_use]
pub fn of(set: &ReplicaSet) -> Vec<String> {
    let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
    let pod = template.and_then(|template| template.spec.as_ref());
    pod.map_or(&[][..], |pod| &pod.containers).iter().filter_map(|container| container.image.clone()).collect()
}

/// Returns lines `image (role, role)` of the ReplicaSets that have pods, sorted by image.
#[must_use]
pub fn lines(rollout: &Rollout, sets: &[&ReplicaSet]) -> Vec<String> {
    let mut images: BTreeMap<String, Vec<Role>> = BTreeMap::new();
    for set in sets.iter().filter(|set| set.status.as_ref().is_some_and(|status| status.replicas > 0)) {
        for image in of(set) {
            images.entry(image).or_default().extend(release::roles(rollout, set));
        }
    }
    images.into_iter().map(|(image, roles)| line(&image, roles)).collect()
}

fn line(image: &str, mut roles: Vec<Role>) -> String {
    roles.sort_unstable();
    roles.dedup();
    let words: Vec<&str> = roles.into_iter().map(Role::as_str).collect();
    if words.is_empty() { image.to_owned() } else { format!("{image} ({})", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_one_image_are_merged() {
        assert_eq!(line("web:1", vec![Role::Active, Role::Stable, Role::Active]), "web:1 (stable, active)");
        assert_eq!(line("web:1", vec![]), "web:1");
    }
}
