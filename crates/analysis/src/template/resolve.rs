//! From references to templates, through templates that refer to further ones.

use std::collections::BTreeMap;

use tiphys_api::types::{AnalysisTemplateRef, AnalysisTemplateSpec};

use super::TemplateError;

/// The templates that exist, by name: those of one namespace and the cluster-wide ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Templates {
    /// AnalysisTemplates of the namespace of the Rollout or Experiment.
    pub namespaced: BTreeMap<String, AnalysisTemplateSpec>,
    /// ClusterAnalysisTemplates.
    pub cluster: BTreeMap<String, AnalysisTemplateSpec>,
}

/// Returns the templates that `references` name, each once: the namespaced ones first, each followed by those that it names
/// itself.
///
/// # Errors
/// Where one does not exist, or templates name each other in a circle (upstream's controller crashes).
pub fn resolve_references<'t>(
    references: &[AnalysisTemplateRef],
    templates: &'t Templates,
) -> Result<Vec<&'t AnalysisTemplateSpec>, TemplateError> {
    Ok(resolve_named(references, templates)?.into_iter().map(|(_, template)| template).collect())
}

/// Returns the same with their names.
///
/// # Errors
/// The same.
pub fn resolve_named<'t>(
    references: &[AnalysisTemplateRef],
    templates: &'t Templates,
) -> Result<Vec<(String, &'t AnalysisTemplateSpec)>, TemplateError> {
    let mut found = Found::default();
    let mut path = Vec::new();
    for reference in references {
        add(reference, templates, &mut path, &mut found)?;
    }
    Ok(found.namespaced.into_iter().chain(found.cluster).collect())
}

#[derive(Default)]
struct Found<'t> {
    namespaced: Vec<(String, &'t AnalysisTemplateSpec)>,
    cluster: Vec<(String, &'t AnalysisTemplateSpec)>,
}

fn add<'t>(
    reference: &AnalysisTemplateRef,
    templates: &'t Templates,
    path: &mut Vec<(bool, String)>,
    found: &mut Found<'t>,
) -> Result<(), TemplateError> {
    let is_cluster = reference.cluster_scope == Some(true);
    let name = reference.template_name.clone();
    let template = if is_cluster {
        templates.cluster.get(&name).ok_or_else(|| TemplateError::ClusterNotFound(name.clone()))?
    } else {
        templates.namespaced.get(&name).ok_or_else(|| TemplateError::NotFound(name.clone()))?
    };
    let step = (is_cluster, name.clone());
    if path.contains(&step) {
        return Err(TemplateError::Circle(name));
    }
    let list = if is_cluster { &mut found.cluster } else { &mut found.namespaced };
    if list.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    list.push((name, template));
    path.push(step);
    for nested in &template.templates {
        add(nested, templates, path, found)?;
    }
    path.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str, is_cluster: bool) -> AnalysisTemplateRef {
        AnalysisTemplateRef { template_name: name.to_owned(), cluster_scope: Some(is_cluster) }
    }

    fn template(metric: &str, nested: &[(&str, bool)]) -> AnalysisTemplateSpec {
        let metric = tiphys_api::types::Metric { name: metric.to_owned(), ..Default::default() };
        AnalysisTemplateSpec {
            metrics: vec![metric],
            templates: nested.iter().map(|(name, is_cluster)| reference(name, *is_cluster)).collect(),
            ..Default::default()
        }
    }

    fn templates() -> Templates {
        let named = |list: Vec<(&str, AnalysisTemplateSpec)>| {
            list.into_iter().map(|(name, template)| (name.to_owned(), template)).collect()
        };
        Templates {
            namespaced: named(vec![
                ("a", template("ma", &[("b", false), ("c", true)])),
                ("b", template("mb", &[])),
                ("x", template("mx", &[("y", false)])),
                ("y", template("my", &[("x", false)])),
                ("lost", template("ml", &[("nowhere", true)])),
            ]),
            cluster: named(vec![("c", template("mc", &[("b", false)]))]),
        }
    }

    #[track_caller]
    fn check(names: &[(&str, bool)], expected: Result<&[&str], TemplateError>) {
        let templates = templates();
        let references: Vec<_> = names.iter().map(|(name, is_cluster)| reference(name, *is_cluster)).collect();
        let found = resolve_references(&references, &templates);
        let metrics =
            found.map(|found| found.iter().map(|template| template.metrics[0].name.clone()).collect::<Vec<_>>());
        assert_eq!(metrics, expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect()));
    }

    #[test]
    fn nested_templates_come_once_and_namespaced_ones_first() {
        check(&[("c", true), ("a", false)], Ok(&["mb", "ma", "mc"]));
        check(&[("a", false), ("b", false)], Ok(&["ma", "mb", "mc"]));
    }

    #[test]
    fn missing_and_circular_templates_are_refused() {
        check(&[("nope", false)], Err(TemplateError::NotFound("nope".to_owned())));
        check(&[("lost", false)], Err(TemplateError::ClusterNotFound("nowhere".to_owned())));
        check(&[("x", false)], Err(TemplateError::Circle("x".to_owned())));
    }
}
