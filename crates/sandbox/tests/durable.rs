//! Everything acknowledged survives the process.

use std::{path::PathBuf, process::Command, sync::Arc};

use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_machinery::resource::{Resource, builtin};
use tiphys_sandbox::{
    durable::OpenError,
    registry::{DeleteOptions, Registry, RegistryOptions, Subresource, WriteOptions},
    store::HistoryLimits,
};

/// A folder that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tiphys-durable-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn resources() -> Vec<Arc<Resource>> {
    builtin().into_iter().map(Arc::new).collect()
}

fn open(path: &std::path::Path) -> Result<Registry, OpenError> {
    let options = RegistryOptions { clock: Clock::system(), seed: 1, history: HistoryLimits::default() };
    Registry::open(path, &options, resources())
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
}

fn create(registry: &Registry, name: &str) -> u64 {
    let nodes = registry.resource("", "nodes").unwrap();
    registry.create(&nodes, "", node(name), &WriteOptions::by("t")).unwrap().revision()
}

#[tokio::test]
async fn objects_survive_a_restart_at_their_revisions() {
    let folder = Folder::new("restart");
    let registry = open(&folder.0).unwrap();
    let nodes = registry.resource("", "nodes").unwrap();
    for name in ["a", "b", "c"] {
        create(&registry, name);
    }
    let label = |value: &mut Value| value["metadata"]["labels"] = json!({"k": "v"});
    registry.modify(&nodes, "", "b", Subresource::Main, &WriteOptions::by("t"), label).unwrap();
    registry.delete(&nodes, "", "c", &DeleteOptions::background()).unwrap();
    let before: Vec<Value> = registry.list(&nodes, None).iter().map(|o| o.value()).collect();
    let last = registry.revision();
    drop(registry);

    let registry = open(&folder.0).unwrap();
    let after: Vec<Value> = registry.list(&nodes, None).iter().map(|o| o.value()).collect();
    assert_eq!(after, before);
    assert_eq!(after.len(), 2);
    assert!(create(&registry, "d") > last);
}

#[tokio::test]
async fn no_revision_comes_twice_even_if_nothing_was_written() {
    let folder = Folder::new("revision");
    let first = open(&folder.0).unwrap().revision();
    let second = open(&folder.0).unwrap().revision();
    assert!(second > first, "{second} after {first}");
}

#[tokio::test]
async fn uids_do_not_come_again_after_a_restart() {
    let folder = Folder::new("uids");
    let uid = |registry: &Registry, name: &str| {
        create(registry, name);
        registry.get(&registry.resource("", "nodes").unwrap(), "", name).unwrap().uid().clone()
    };
    let first = uid(&open(&folder.0).unwrap(), "a");
    assert_ne!(first, uid(&open(&folder.0).unwrap(), "b"));
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let folder = Folder::new("lock");
    let held = open(&folder.0).unwrap();
    assert!(matches!(open(&folder.0), Err(OpenError::InUse { .. })));
    drop(held);
    assert!(open(&folder.0).is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn other_users_cannot_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("private");
    let file = folder.0.join("store.redb");
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let _registry = open(&folder.0).unwrap();
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Named in the environment of the process that is to be killed.
const VICTIM: &str = "TIPHYS_DURABLE_VICTIM";

/// Not a test of its own: the process that [`what_was_acknowledged_survives_a_kill`] starts and kills.
#[tokio::test]
async fn writes_until_killed() {
    let Some(folder) = std::env::var_os(VICTIM) else { return };
    let registry = open(folder.as_ref()).unwrap();
    for n in 0..100_000 {
        create(&registry, &format!("n{n:06}"));
        registry.persisted().await.unwrap();
        println!("acknowledged n{n:06}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    use std::io::{BufRead, BufReader};

    let folder = Folder::new("kill");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["durable::writes_until_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(VICTIM, &folder.0)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 50 {
        let line = lines.next().expect("the process ended early").unwrap();
        acknowledged.extend(line.rsplit_once("acknowledged ").map(|(_, name)| name.to_owned()));
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    // What it still said before it died counts too; a line cut off in its middle does not.
    let rest = lines.map_while(Result::ok).filter_map(|l| l.rsplit_once("acknowledged ").map(|(_, n)| n.to_owned()));
    acknowledged.extend(rest.filter(|name| name.len() == 7));

    let registry = open(&folder.0).unwrap();
    let nodes = registry.resource("", "nodes").unwrap();
    for name in &acknowledged {
        assert!(registry.get(&nodes, "", name).is_ok(), "{name} of {} is lost", acknowledged.len());
    }
}
