//! Files have at most 600 lines, functions at most 70.

use std::collections::BTreeMap;

use serde::Deserialize;
use syn::visit::{self, Visit};

use crate::{none, root, text, tracked};

const FILE: usize = 600;
const FUNCTION: usize = 70;

/// What `tidy.toml` allows to be larger: files by path, functions by `path::name`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    #[serde(default)]
    files: BTreeMap<String, Exception>,
    #[serde(default)]
    functions: BTreeMap<String, Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    lines: usize,
    reason: String,
}

fn exceptions() -> Exceptions {
    let text = std::fs::read_to_string(root().join("tidy.toml")).expect("tidy.toml is there");
    toml::from_str(&text).unwrap_or_else(|e| panic!("tidy.toml: {e}"))
}

/// Collects the functions of a file with their length, from the line of `fn` to the closing brace.
#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let end = block.brace_token.span.close().end().line;
        let lines = end - signature.fn_token.span.start().line + 1;
        self.0.push((signature.ident.to_string(), lines));
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn functions(file: &str, source: &str) -> Vec<(String, usize)> {
    let parsed = syn::parse_file(source).unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut found = Functions::default();
    found.visit_file(&parsed);
    found.0
}

/// Compares measured sizes with a limit and its exceptions; returns one line a finding.
fn judge(limit: usize, sizes: &BTreeMap<String, usize>, allowed: &BTreeMap<String, Exception>) -> Vec<String> {
    let too_long = sizes.iter().filter(|(name, lines)| **lines > limit && !allowed.contains_key(*name));
    let mut findings: Vec<String> =
        too_long.map(|(name, lines)| format!("{name} has {lines} lines, the limit is {limit}")).collect();
    findings.extend(allowed.iter().filter_map(|(name, listed)| complain(limit, name, listed, sizes.get(name))));
    findings
}

/// What is wrong with one entry of `tidy.toml`.
fn complain(limit: usize, name: &str, listed: &Exception, lines: Option<&usize>) -> Option<String> {
    let Some(&lines) = lines else { return Some(format!("tidy.toml lists {name}, which does not exist")) };
    if lines <= limit {
        return Some(format!("tidy.toml lists {name}, which fits now: remove the entry"));
    }
    if lines != listed.lines {
        return Some(format!("tidy.toml lists {name} with {} lines, it has {lines}: it may only shrink", listed.lines));
    }
    listed.reason.trim().is_empty().then(|| format!("tidy.toml lists {name} without a reason"))
}

fn rust_files() -> BTreeMap<String, String> {
    let files = tracked().into_iter().filter(|f| f.ends_with(".rs"));
    files.map(|file| (file.clone(), text(&file).unwrap_or_else(|| panic!("{file} is not UTF-8")))).collect()
}

#[test]
fn files_keep_their_size() {
    let sizes = rust_files().iter().map(|(file, source)| (file.clone(), source.lines().count())).collect();
    none(&judge(FILE, &sizes, &exceptions().files));
}

#[test]
fn functions_keep_their_size() {
    let mut sizes = BTreeMap::new();
    for (file, source) in rust_files() {
        for (name, lines) in functions(&file, &source) {
            // Of functions with one name in a file the longest counts.
            let size: &mut usize = sizes.entry(format!("{file}::{name}")).or_default();
            *size = lines.max(*size);
        }
    }
    none(&judge(FUNCTION, &sizes, &exceptions().functions));
}

#[test]
fn a_function_is_as_long_as_its_lines_from_fn_to_brace() {
    let source =
        "/// Doc.\n#[test]\npub fn one(\n    a: u8,\n) {\n    let s = \"}\";\n}\ntrait T { fn none(); fn two() {} }\n";
    assert_eq!(functions("x.rs", source), [("one".to_owned(), 5), ("two".to_owned(), 1)]);
}

#[test]
fn exceptions_are_exact_and_needed() {
    let exception = |lines, reason: &str| Exception { lines, reason: reason.to_owned() };
    let sizes = BTreeMap::from([("a", 11), ("b", 12), ("c", 12), ("d", 5), ("e", 12), ("f", 12)].map(own));
    let allowed = BTreeMap::from([
        ("b".to_owned(), exception(12, "a table")),
        ("c".to_owned(), exception(13, "a table")),
        ("d".to_owned(), exception(12, "a table")),
        ("e".to_owned(), exception(12, " ")),
        ("f".to_owned(), exception(11, "a table")),
        ("gone".to_owned(), exception(12, "a table")),
    ]);
    let names: Vec<char> = judge(10, &sizes, &allowed)
        .iter()
        .map(|f| f.trim_start_matches("tidy.toml lists ").chars().next().unwrap())
        .collect();
    assert_eq!(names, ['a', 'c', 'd', 'e', 'f', 'g']);
}

fn own((name, lines): (&str, usize)) -> (String, usize) {
    (name.to_owned(), lines)
}
