//! Sources that refer to each other.

use std::collections::BTreeMap;

use tiphys_api::types::ApplicationSource;

use crate::{checkout::Checkout, error::RenderError, wanted::Wanted};

/// Returns the checkouts that a source may refer to, by name.
pub(crate) fn of(
    wanted: &Wanted,
    at: usize,
    checkouts: &[Checkout],
) -> Result<BTreeMap<String, Checkout>, RenderError> {
    let mut known = BTreeMap::new();
    for (source, checkout) in wanted.sources.iter().zip(checkouts).filter(|(source, _)| source.is_ref()) {
        let name = &source.reference;
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(RenderError::Spec(format!(
                "sources.ref {name} cannot contain any special characters except '_' and '-'"
            )));
        }
        if known.insert(name.clone(), checkout.clone()).is_some() {
            return Err(RenderError::Spec("invalid sources: multiple sources had the same `ref` key".to_owned()));
        }
    }
    if wanted.sources.len() > 1 {
        for name in referred(&wanted.sources[at]) {
            check(wanted, &name)?;
        }
    }
    Ok(known)
}

/// Returns the names, without `$`, that a source refers to.
fn referred(source: &ApplicationSource) -> Vec<String> {
    let Some(helm) = &source.helm else { return Vec::new() };
    let paths = helm.value_files.iter().chain(helm.file_parameters.iter().map(|file| &file.path));
    let first = paths.filter_map(|path| path.split('/').next()?.strip_prefix('$'));
    // Variables may stand there, too.
    first.filter(|name| !name.starts_with('{') && !name.starts_with("ARGOCD_")).map(str::to_owned).collect()
}

fn check(wanted: &Wanted, name: &str) -> Result<(), RenderError> {
    let known: Vec<&ApplicationSource> = wanted.sources.iter().filter(|source| source.is_ref()).collect();
    match known.iter().find(|source| source.reference == name) {
        Some(source) if source.is_chart() => Err(RenderError::Spec(
            "source has a 'chart' field defined, but Helm charts are not yet not supported for 'ref' sources"
                .to_owned(),
        )),
        Some(_) => Ok(()),
        None if known.is_empty() => Err(RenderError::Spec(format!(
            "source referenced {:?}, but no source has a 'ref' field defined",
            format!("${name}")
        ))),
        None => {
            let names: Vec<String> = known.iter().map(|source| format!("${}", source.reference)).collect();
            let names = names.join(", ");
            Err(RenderError::Spec(format!(
                "source referenced {:?}, which is not one of the available sources ({names})",
                format!("${name}")
            )))
        }
    }
}
