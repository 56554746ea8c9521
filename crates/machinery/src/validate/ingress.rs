//! Ingresses and their classes.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    fields::{int, is_set, list, text},
    numbers::port,
    one_of,
};
use crate::{
    error::Cause,
    field::Path,
    meta,
    names::{self, NamePart},
};

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

pub(super) fn create(object: &Value) -> Vec<Cause> {
    let mut causes = ingress(object);
    let (annotated, given) = (meta::annotation(object, CLASS_ANNOTATION), object["spec"]["ingressClassName"].as_str());
    if let (Some(annotated), Some(given)) = (annotated, given)
        && annotated != given
    {
        let at = Path::new("annotations").child(CLASS_ANNOTATION);
        causes.push(at.invalid(annotated, "must match `ingressClassName` when both are specified"));
    }
    causes
}

pub(super) fn ingress(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = Vec::new();
    if list(spec, "rules").is_empty() && !is_set(spec, "defaultBackend") {
        causes.push(path.invalid(Value::Null, "either `defaultBackend` or `rules` must be specified"));
    }
    if is_set(spec, "defaultBackend") {
        causes.extend(backend(&spec["defaultBackend"], &path.child("defaultBackend")));
    }
    for (i, rule) in list(spec, "rules").iter().enumerate() {
        causes.extend(one_rule(rule, &path.child("rules").index(i)));
    }
    for (i, tls) in list(spec, "tls").iter().enumerate() {
        causes.extend(secrets(tls, &path.child("tls").index(i)));
    }
    if let Some(class) = spec["ingressClassName"].as_str() {
        let at = path.child("ingressClassName");
        causes.extend(names::dns_subdomain(class).iter().map(|why| at.invalid(class, why)));
    }
    causes
}

fn secrets(tls: &Value, path: &Path) -> Vec<Cause> {
    let hosts = list(tls, "hosts").iter().filter_map(Value::as_str).enumerate();
    let mut causes: Vec<Cause> = hosts.flat_map(|(i, name)| host_name(name, &path.child("hosts").index(i))).collect();
    let secret = text(tls, "secretName");
    if !secret.is_empty() {
        causes.extend(names::dns_subdomain(secret).iter().map(|why| path.child("secretName").invalid(secret, why)));
    }
    causes
}

fn host_name(name: &str, path: &Path) -> Vec<Cause> {
    let reasons = if name.contains('*') { names::wildcard_subdomain(name) } else { names::dns_subdomain(name) };
    reasons.iter().map(|why| path.invalid(name, why)).collect()
}

fn one_rule(rule: &Value, path: &Path) -> Vec<Cause> {
    let (host, at) = (text(rule, "host"), path.child("host"));
    let mut causes = Vec::new();
    if !host.is_empty() {
        if host.parse::<IpAddr>().is_ok() {
            causes.push(at.invalid(host, "must be a DNS name, not an IP address"));
        }
        causes.extend(host_name(host, &at));
    }
    if !is_set(rule, "http") {
        return causes;
    }
    let (paths, at) = (list(&rule["http"], "paths"), path.child("http").child("paths"));
    if paths.is_empty() {
        causes.push(at.required(""));
    }
    causes.extend(paths.iter().enumerate().flat_map(|(i, given)| one_path(given, &at.index(i))));
    causes
}

fn one_path(given: &Value, path: &Path) -> Vec<Cause> {
    let (url, at) = (text(given, "path"), path.child("path"));
    let mut causes = Vec::new();
    match given["pathType"].as_str() {
        None => return vec![path.child("pathType").required("pathType must be specified")],
        Some("Exact" | "Prefix") => causes.extend(absolute_path(url, &at)),
        Some("ImplementationSpecific") => {
            if !url.is_empty() && !url.starts_with('/') {
                causes.push(at.invalid(url, "must be an absolute path"));
            }
        }
        Some(_) => {
            causes.extend(one_of(given, "pathType", &["Exact", "ImplementationSpecific", "Prefix"], path));
        }
    }
    causes.extend(backend(&given["backend"], &path.child("backend")));
    causes
}

fn absolute_path(url: &str, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !url.starts_with('/') {
        causes.push(path.invalid(url, "must be an absolute path"));
    }
    for inside in ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|part| url.contains(part)) {
        causes.push(path.invalid(url, &format!("must not contain '{inside}'")));
    }
    for end in ["/..", "/."].into_iter().filter(|end| url.ends_with(end)) {
        causes.push(path.invalid(url, &format!("cannot end with '{end}'")));
    }
    causes
}

fn backend(backend: &Value, path: &Path) -> Vec<Cause> {
    match (is_set(backend, "resource"), is_set(backend, "service")) {
        (true, true) => vec![path.invalid("", "cannot set both resource and service backends")],
        (true, false) => reference(&backend["resource"], &path.child("resource")),
        (false, true) => service(&backend["service"], path),
        (false, false) => vec![path.invalid("", "resource or service backend is required")],
    }
}

fn service(service: &Value, path: &Path) -> Vec<Cause> {
    let (name, at) = (text(service, "name"), path.child("service").child("name"));
    let mut causes = Vec::new();
    if name.is_empty() {
        causes.push(at.required(""));
    } else {
        causes.extend(names::dns_label_1035(name).iter().map(|why| at.invalid(name, why)));
    }
    let at = path.child("service").child("port");
    match (text(&service["port"], "name"), int(&service["port"], "number")) {
        ("", 0) => causes.push(path.required("port name or number is required")),
        ("", number) => causes.extend(port(number, &at.child("number"))),
        (name, 0) => causes.extend(names::port_name(name).iter().map(|why| at.child("name").invalid(name, why))),
        _ => causes.push(path.invalid("", "cannot set both port name & port number")),
    }
    causes
}

/// A reference to an object by group, kind and name.
fn reference(reference: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(group) = reference["apiGroup"].as_str() {
        causes.extend(names::dns_subdomain(group).iter().map(|why| path.child("apiGroup").invalid(group, why)));
    }
    for field in ["kind", "name"] {
        let (given, at) = (text(reference, field), path.child(field));
        if given.is_empty() {
            causes.push(at.required(""));
        } else {
            causes.extend(names::path_segment(given, NamePart::Whole).iter().map(|why| at.invalid(given, why)));
        }
    }
    causes
}

pub(super) fn class(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = controller(text(spec, "controller"), &path.child("controller"));
    if !is_set(spec, "parameters") {
        return causes;
    }
    let (parameters, at) = (&spec["parameters"], path.child("parameters"));
    causes.extend(reference(parameters, &at));
    causes.extend(one_of(parameters, "scope", &["Cluster", "Namespace"], &at));
    let at = at.child("namespace");
    match (text(parameters, "scope"), is_set(parameters, "namespace")) {
        ("Namespace", false) => causes.push(at.required("`parameters.scope` is set to 'Namespace'")),
        ("Cluster", true) => causes.push(at.forbidden("`parameters.scope` is set to 'Cluster'")),
        _ => {}
    }
    causes
}

fn controller(name: &str, path: &Path) -> Vec<Cause> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    match name.split_once('/') {
        Some((host, rest)) if !host.is_empty() && !rest.is_empty() => {
            names::dns_subdomain(host).iter().map(|why| path.invalid(json!(host), why)).collect()
        }
        _ => vec![path.invalid(name, "must be a domain-prefixed path (such as \"acme.io/foo\")")],
    }
}
