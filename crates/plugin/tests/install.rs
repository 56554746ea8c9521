//! Putting programs in place.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

use tiphys_plugin::{Configured, Download, DownloadFuture, Role, install};

use crate::behaviour::Folder;

/// Too short.
const SUM: &str = "0ab3c2b7a5a5a5e5a5d5f5";

struct Web;

impl Download for Web {
    fn get<'a>(&'a self, url: &'a str, headers: &'a BTreeMap<String, String>, limit: u64) -> DownloadFuture<'a> {
        Box::pin(async move {
            assert!(limit > 0);
            match (url.rsplit('/').next(), headers.get("authorization")) {
                (Some("open"), _) | (_, Some(_)) => Ok(b"program".to_vec()),
                _ => Err("status 403".to_owned()),
            }
        })
    }
}

fn plugin(location: &str, sha256: &str) -> Configured {
    Configured {
        role: Role::Traffic,
        name: "a/b".to_owned(),
        location: location.to_owned(),
        sha256: sha256.to_owned(),
        args: Vec::new(),
        header_secrets: Vec::new(),
        is_disabled: false,
    }
}

async fn check(name: &str, plugin: Configured, expected: Result<&str, &str>) {
    let folder = Folder::new(&format!("install-{}", name.replace(' ', "-")));
    let found = install(&plugin, &folder.0, &BTreeMap::new(), &Web).await;
    match (found, expected) {
        (Ok(path), Ok(content)) => {
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "{name}");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700, "{name}");
            assert!(path.ends_with("trafficRouterPlugins/a/b"), "{name}");
        }
        (Err(error), Err(text)) => assert!(error.to_string().starts_with(text), "{name}: {error}"),
        (found, _) => panic!("{name}: {found:?}"),
    }
}

#[tokio::test]
async fn programs_are_checked_and_put_in_place() {
    let folder = Folder::new("install-source");
    let source = folder.0.join("source");
    std::fs::write(&source, "program").unwrap();
    let file = format!("file://{}", source.display());
    let sum = "6bd9a1a08e7b1b2ba61dd4e8b8a2b8ee2f0b2ae0e0a4a7a0a8a8a8a8a8a8a8a8";
    let named = Configured { name: "../b".to_owned(), ..plugin(&file, "") };
    check("file", plugin(&file, ""), Ok("program")).await;
    check("https", plugin("https://x/open", ""), Ok("program")).await;
    check("name", named, Err("plugin repository (../b) must be")).await;
    check("other sum", plugin(&file, sum), Err("sha256 is ")).await;
    check("short sum", plugin(&file, SUM), Err("sha256 must have 64 hexadecimal digits")).await;
    check("no file", plugin("file:///none", ""), Err("/none: ")).await;
    check("refused", plugin("https://x/closed", ""), Err("download of https://x/closed: status 403")).await;
    check("unencrypted", plugin("http://x/open", ""), Err("location http://x/open is not encrypted")).await;
    check("scheme", plugin("oci://x", ""), Err("location oci://x is neither")).await;
}

#[tokio::test]
async fn a_sum_of_the_right_program_is_accepted_in_any_case() {
    let folder = Folder::new("install-sum");
    let wrong = plugin("http://x/open", &"0".repeat(64));
    let error = install(&wrong, &folder.0, &BTreeMap::new(), &Web).await.unwrap_err().to_string();
    let found = error.trim_start_matches("sha256 is ").split(',').next().unwrap().to_ascii_uppercase();
    assert!(!folder.0.join("trafficRouterPlugins/a/b").exists(), "nothing of another program is kept");
    let headers = BTreeMap::from([("authorization".to_owned(), "x".to_owned())]);
    for _ in 0..2 {
        install(&plugin("http://x/closed", &found), &folder.0, &headers, &Web).await.unwrap();
    }
}
