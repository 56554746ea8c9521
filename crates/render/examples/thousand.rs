//! How long it takes to render many applications of four objects from one repository, and what a commit costs then.
//!
//!     cargo run --release -p tiphys-render --example thousand [APPLICATIONS]

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::{error::Error, path::Path, process::Command, sync::Arc};

use tiphys_api::types::ApplicationSource;
use tiphys_render::{Config, Renderer, Wanted};
use tokio::{task::JoinSet, time::Instant};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let count: usize = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    write(&work, 0..count, "1")?;
    git(&work, &["init", "--quiet", "--initial-branch=main"])?;
    commit(&work)?;
    let renderer = Arc::new(Renderer::new(Config::new(folder.path().join("renderer")))?);
    let before = memory()?;
    measure("first", &renderer, &work, count).await?;
    measure("nothing new", &renderer, &work, count).await?;
    write(&work, 0..3, "2")?;
    commit(&work)?;
    renderer.forget_references(&work.display().to_string(), "default").await?;
    measure("a commit to three", &renderer, &work, count).await?;
    println!("memory: {} MiB more than before, {} MiB at most", (memory()? - before) / 1024, peak()? / 1024);
    Ok(())
}

async fn measure(name: &str, renderer: &Arc<Renderer>, work: &Path, count: usize) -> Outcome {
    let (begun, before) = (Instant::now(), renderer.renders());
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (renderer, wanted) = (Arc::clone(renderer), wanted(work, number));
        tasks.spawn(async move { renderer.render(&wanted).await.map(|rendered| rendered.manifests.len()) });
    }
    let mut objects = 0;
    while let Some(done) = tasks.join_next().await {
        objects += done??;
    }
    let (time, renders) = (begun.elapsed(), renderer.renders() - before);
    println!("{name}: {count} applications, {objects} objects, {renders} rendered, {} ms", time.as_millis());
    Ok(())
}

fn wanted(work: &Path, number: usize) -> Wanted {
    let source = ApplicationSource {
        repo_url: work.display().to_string(),
        path: format!("apps/{number}"),
        ..ApplicationSource::default()
    };
    Wanted {
        application: format!("app-{number}"),
        project: "default".to_owned(),
        namespace: "default".to_owned(),
        sources: vec![source],
        kube_version: "1.34.0".to_owned(),
        ..Wanted::default()
    }
}

fn write(work: &Path, numbers: std::ops::Range<usize>, version: &str) -> Outcome {
    for number in numbers {
        let folder = work.join(format!("apps/{number}"));
        std::fs::create_dir_all(&folder)?;
        for kind in ["Deployment", "Service", "ConfigMap", "ServiceAccount"] {
            let labels = format!("app: app-{number}\n    version: '{version}'");
            let text = format!(
                "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: app-{number}\n  labels:\n    {labels}\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - name: app\n        image: registry/app:{version}\n        ports:\n        - containerPort: 8080\n        env:\n        - name: MODE\n          value: production\n"
            );
            std::fs::write(folder.join(format!("{kind}.yaml")), text)?;
        }
    }
    Ok(())
}

fn commit(work: &Path) -> Outcome {
    git(work, &["add", "--all"])?;
    git(work, &["-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--message", "x"])
}

fn git(folder: &Path, arguments: &[&str]) -> Outcome {
    let status = Command::new("git").current_dir(folder).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(format!("git {arguments:?} failed").into()) }
}

/// KiB that are resident now.
fn memory() -> Outcome<u64> {
    field("VmRSS:")
}

/// KiB that were resident at most.
fn peak() -> Outcome<u64> {
    field("VmHWM:")
}

fn field(name: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such field")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
