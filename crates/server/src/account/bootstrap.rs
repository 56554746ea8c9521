//! What must exist before anybody can log in.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Namespace, Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tiphys_machinery::time;

use super::{password, random};
use crate::Error;

/// Characters of an initial password.
const PASSWORD: usize = 16;
const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

/// Makes the key that signs sessions and the password of `admin` where they are missing; the clear text of the password is
/// left in Secret `argocd-initial-admin-secret`, as upstream does.
pub(crate) async fn run(client: &Client, namespace: &str, now: Timestamp) -> Result<(), Error> {
    let failed = |source| Error::Accounts { namespace: namespace.to_owned(), source: Box::new(source) };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let former = secrets.get_opt("argocd-secret").await.map_err(failed)?;
    if former.is_none() {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = Namespace { metadata: named(namespace), ..Namespace::default() };
        made(namespaces.create(&PostParams::default(), &object).await).map_err(failed)?;
        let empty = Secret { metadata: named("argocd-secret"), ..Secret::default() };
        made(secrets.create(&PostParams::default(), &empty).await).map_err(failed)?;
    }
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let data = former.and_then(|secret| secret.data).unwrap_or_default();
    let admin = maps.get_opt("argocd-cm").await.map_err(failed)?.and_then(|map| map.data).unwrap_or_default();
    let mut missing = BTreeMap::new();
    if is_missing(&data, "server.secretkey") {
        missing.insert("server.secretkey", STANDARD.encode(random::bytes::<32>()?));
    }
    if admin.get("admin.enabled").is_none_or(|enabled| enabled != "false") && is_missing(&data, "admin.password") {
        let clear = new_password()?;
        missing.insert("admin.password", password::hash(&clear)?);
        missing.insert("admin.passwordMtime", time::seconds(now));
        let data = BTreeMap::from([("password".to_owned(), clear)]);
        let told =
            Secret { metadata: named("argocd-initial-admin-secret"), string_data: Some(data), ..Secret::default() };
        made(secrets.create(&PostParams::default(), &told).await).map_err(failed)?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let patch = json!({"stringData": missing});
    secrets.patch("argocd-secret", &PatchParams::default(), &Patch::Merge(patch)).await.map_err(failed)?;
    Ok(())
}

fn is_missing(data: &BTreeMap<String, ByteString>, key: &str) -> bool {
    data.get(key).is_none_or(|value| value.0.is_empty())
}

/// What exists already is as good as made.
fn made<T>(created: kube::Result<T>) -> kube::Result<()> {
    match created {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        created => created.map(drop),
    }
}

fn named(name: &str) -> ObjectMeta {
    let labels = BTreeMap::from([("app.kubernetes.io/part-of".to_owned(), "argocd".to_owned())]);
    ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() }
}

/// Every character is as likely as any other: bytes above the last multiple of the alphabet's size are not used.
fn new_password() -> Result<String, Error> {
    let mut text = String::new();
    let limit = 256 - 256 % ALPHABET.len();
    while text.len() < PASSWORD {
        let usable = random::bytes::<32>()?.into_iter().map(usize::from).filter(|byte| *byte < limit);
        text.extend(usable.map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])).take(PASSWORD - text.len()));
    }
    Ok(text)
}
