//! Evaluating Jsonnet: by the program `jsonnet`, on a copy of what is imported. A program of its own can be ended when it
//! takes too long or too much, which a library within this process cannot.

use std::{collections::BTreeSet, ffi::OsString, sync::Arc};

use serde_json::Value;
use tiphys_api::types::{ApplicationSourceJsonnet, JsonnetVar};

use crate::{
    checkout::{Entry, lexical},
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
/// computed. One that leads out of the repository is refused, because the program would follow it.
fn lay_out(job: &Job, path: &str, folders: &[String], layout: &mut Layout<'_>) -> Result<(), RenderError> {
    let mut waiting = vec![(path.to_owned(), path.to_owned())];
    let codes = code(job).flat_map(|text| imports(text).into_iter());
    for import in codes.collect::<Vec<_>>() {
        waiting.extend(find(job, &import?, "", folders)?);
    }
    let mut seen = BTreeSet::new();
    while let Some((real, named)) = waiting.pop() {
        if !seen.insert(named.clone()) {
            continue;
        }
        layout.named(&real, &named)?;
        let text = manifests::text_of(&job.checkout.read(&real, job.limits.file_bytes)?);
        let own = named.rsplit_once('/').map_or("", |(folder, _)| folder);
        for import in imports(&text) {
            waiting.extend(find(job, &import?, own, folders)?);
        }
    }
    Ok(())
}

/// The variables that are programs themselves.
fn code(job: &Job) -> impl Iterator<Item = &str> {
    let options = job.source.directory.iter().map(|directory| &directory.jsonnet);
    let variables = options.flat_map(|options| options.ext_vars.iter().chain(&options.tlas));
    variables.filter(|variable| variable.code).map(|variable| variable.value.as_str())
}

/// Returns the file that an import finds, and where the program looks for it: beside the importing file, then in the
/// folders, the last one first.
fn find(job: &Job, import: &str, own: &str, folders: &[String]) -> Result<Option<(String, String)>, RenderError> {
    for folder in [own].into_iter().chain(folders.iter().rev().map(String::as_str)) {
        let named = lexical(folder, import)?;
        let real = job.checkout.resolve(folder, import)?;
        if job.checkout.look(&real)? == Some(Entry::File) {
            return Ok(Some((real, named)));
        }
    }
    Ok(None)
}

/// Returns the texts that follow the word `import` and its kin; some may stand in texts or comments.
fn imports(text: &str) -> Vec<Result<String, RenderError>> {
    let after = text.match_indices("import").map(|(at, word)| &text[at + word.len()..]);
    after
        .filter_map(|rest| {
            literal(after_comments(rest.strip_prefix("str").or(rest.strip_prefix("bin")).unwrap_or(rest)))
        })
        .collect()
}

/// Returns what follows white space and comments.
fn after_comments(mut text: &str) -> &str {
    loop {
        let trimmed = text.trim_start();
        let rest = if trimmed.starts_with("//") || trimmed.starts_with('#') {
            trimmed.split_once('\n').map(|(_, rest)| rest)
        } else if trimmed.starts_with("/*") {
            trimmed.split_once("*/").map(|(_, rest)| rest)
        } else {
            return trimmed;
        };
        match rest {
            Some(rest) => text = rest,
            None => return "",
        }
    }
}

/// Returns the text at the start, if there is one. Spellings that a path does not need are refused.
fn literal(text: &str) -> Option<Result<String, RenderError>> {
    let (is_verbatim, rest) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
    let quote = rest.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    let (path, after) = rest[1..].split_once(quote)?;
    let is_odd = if is_verbatim { after.starts_with(quote) } else { path.contains('\\') };
    Some(if is_odd {
        Err(RenderError::Tool(format!("the import of {path:?} has a quote or a backslash in its path")))
    } else {
        Ok(path.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found() {
        let text = "local a = import 'a.libsonnet'; importstr\n \"b.txt\" + importbin @'c' + import x + imports 'd' + import // x\n # y\n /* z */ 'e'";
        let found: Vec<String> = imports(text).into_iter().map(Result::unwrap).collect();
        assert_eq!(found, ["a.libsonnet", "b.txt", "c", "e"]);
        for odd in [r#"import "\u002fetc""#, "importstr @'a''/../../x'"] {
            assert!(imports(odd)[0].is_err(), "{odd}");
        }
    }
}
