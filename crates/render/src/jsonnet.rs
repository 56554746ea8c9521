//! Evaluating Jsonnet: by the program `jsonnet`, on a copy of what is imported. A program of its own can be ended when it
//! takes too long or too much, which a library within this process cannot.

use std::{collections::BTreeSet, ffi::OsString, sync::Arc};

use serde_json::Value;
use tiphys_api::types::{ApplicationSourceJsonnet, JsonnetVar};

use crate::{
    checkout::{Entry, PathError},
    directory::Candidate,
    environment::Environment,
    error::RenderError,
    job::Job,
    layout::{Layout, Workshop},
    manifests,
    program::Network,
    remotes::blocking,
};

/// Frames of a stack; what recurses deeper is without end.
const STACK: &str = "500";

/// Returns the objects that a file gives.
pub(crate) async fn render(job: &Arc<Job>, file: Candidate) -> Result<Vec<Value>, RenderError> {
    let (preparing, path) = (Arc::clone(job), file.path.clone());
    let (workshop, arguments) = blocking(move || prepare(&preparing, &path)).await??;
    let root = workshop.root(None);
    let failed = |words: String| RenderError::Tool(format!("Failed to evaluate jsonnet {:?}: {words}", file.name));
    let output = job.run(&workshop, "jsonnet", arguments, &root, Network::Closed).await?.map_err(failed)?;
    let wrong =
        |problem: String| RenderError::Tool(format!("Failed to unmarshal generated json {:?}: {problem}", file.name));
    match serde_json::from_slice(&output).map_err(|error| wrong(error.to_string()))? {
        Value::Array(objects) => objects
            .into_iter()
            .filter(|object| !object.is_null())
            .map(|object| manifests::check(&object).map(|()| object).map_err(wrong))
            .collect(),
        object => manifests::check(&object).map(|()| vec![object]).map_err(wrong),
    }
}

fn prepare(job: &Job, path: &str) -> Result<(Workshop, Vec<OsString>), RenderError> {
    let workshop = Workshop::new(&job.work)?;
    let none = ApplicationSourceJsonnet::default();
    let options = job.source.directory.as_ref().map_or(&none, |directory| &directory.jsonnet);
    let mut folders = vec![job.folder.clone()];
    for lib in &options.libs {
        folders.push(job.checkout.resolve("", lib.trim_start_matches('/'))?);
    }
    let mut layout = Layout::new(&job.checkout, workshop.root(None), &job.limits, &[]);
    lay_out(job, path, &folders, &mut layout)?;
    let mut arguments: Vec<OsString> = vec!["--max-stack".into(), STACK.into()];
    for folder in &folders {
        arguments.push("--jpath".into());
        arguments.push(workshop.root(None).join(folder).into());
    }
    let environment = job.request().environment();
    variables(&options.ext_vars, ["--ext-str", "--ext-code"], &environment, &mut arguments)?;
    variables(&options.tlas, ["--tla-str", "--tla-code"], &environment, &mut arguments)?;
    arguments.push(workshop.root(None).join(path).into());
    Ok((workshop, arguments))
}

fn variables(
    variables: &[JsonnetVar],
    flags: [&str; 2],
    environment: &Environment,
    arguments: &mut Vec<OsString>,
) -> Result<(), RenderError> {
    for variable in variables {
        if variable.name.is_empty() || variable.name.contains('=') {
            return Err(RenderError::Tool(format!("{:?} cannot be the name of a Jsonnet variable", variable.name)));
        }
        let value = environment.expand(&variable.value);
        arguments.push(flags[usize::from(variable.code)].into());
        arguments.push(format!("{}={value}", variable.name).into());
    }
    Ok(())
}

/// Lays out a file and all that it imports: an import names a file by a text that stands there, never by one that is
/// computed.
fn lay_out(job: &Job, path: &str, folders: &[String], layout: &mut Layout<'_>) -> Result<(), RenderError> {
    let mut waiting = vec![(path.to_owned(), path.to_owned())];
    let mut seen = BTreeSet::new();
    while let Some((real, named)) = waiting.pop() {
        if !seen.insert(named.clone()) {
            continue;
        }
        layout.named(&real, &named)?;
        let text = manifests::text_of(&job.checkout.read(&real, job.limits.file_bytes)?);
        let own = named.rsplit_once('/').map_or("", |(folder, _)| folder);
        for import in imports(&text) {
            for folder in [own].into_iter().chain(folders.iter().map(String::as_str)) {
                let found = match job.checkout.resolve(folder, &import) {
                    // The first that is there counts, and one of the others may be.
                    Err(PathError::Outside(_)) => continue,
                    found => found?,
                };
                if job.checkout.look(&found)? == Some(Entry::File) {
                    let named = crate::kustomization::named_path(folder, &import);
                    waiting.push((found, named));
                }
            }
        }
    }
    Ok(())
}

/// Returns the texts that follow the word `import` and its kin.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("import") {
        let rest = &text[at + word.len()..];
        let rest = rest.strip_prefix("str").or_else(|| rest.strip_prefix("bin")).unwrap_or(rest).trim_start();
        let rest = rest.strip_prefix('@').unwrap_or(rest);
        let Some(quote) = rest.chars().next().filter(|quote| ['"', '\''].contains(quote)) else { continue };
        if let Some((path, _)) = rest[1..].split_once(quote) {
            found.push(path.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found() {
        let text = "local a = import 'a.libsonnet'; importstr\n \"b.txt\" + importbin @'c' + import x + imports 'd'";
        assert_eq!(imports(text), ["a.libsonnet", "b.txt", "c"]);
    }
}
