use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use tower::{ServiceExt, service_fn};

use super::*;

type Answering = Pin<Box<dyn Future<Output = Result<Response<FaultBody>, Infallible>> + Send>>;

/// Answers how often it was called; a watch yields five pieces, one a second.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn service(
        &self,
    ) -> impl tower::Service<Request<()>, Response = Response<FaultBody>, Error = Infallible, Future = Answering>
    + Clone
    + use<> {
        let count = self.0.clone();
        service_fn(move |request: Request<()>| -> Answering {
            let n = count.fetch_add(1, Ordering::SeqCst) + 1;
            Box::pin(async move {
                let watch = plan::is_watch(&request.into_parts().0);
                Ok(Response::new(if watch { pieces() } else { boxed(Full::new(Bytes::from(n.to_string()))) }))
            })
        })
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn pieces() -> FaultBody {
    let stream = futures::stream::unfold(0_u8, |n| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (n < 5).then(|| (Ok::<_, BoxError>(Frame::data(Bytes::from(n.to_string()))), n + 1))
    });
    StreamBody::new(stream).boxed_unsync()
}

async fn ask(faults: &Faults, counter: &Counter, method: Method, uri: &str) -> Result<(u16, String), String> {
    let request = Request::builder().method(method).uri(uri).body(()).unwrap();
    let response = faults.around(counter.service()).oneshot(request).await.map_err(|e| e.to_string())?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test(start_paused = true)]
async fn without_faults_nothing_changes() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    assert_eq!(ask(&faults, &counter, Method::GET, "/x").await, Ok((200, "1".into())));
    assert_eq!(ask(&faults, &counter, Method::GET, "/x?watch=true").await, Ok((200, "01234".into())));
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_does_not_happen() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    faults.conflicts(1.0);
    assert_eq!(ask(&faults, &counter, Method::PATCH, "/x").await.unwrap().0, 409);
    assert_eq!(counter.calls(), 0);
    assert_eq!(ask(&faults, &counter, Method::GET, "/x").await.unwrap().0, 200);
    faults.errors(StatusCode::TOO_MANY_REQUESTS, 1.0);
    assert_eq!(ask(&faults, &counter, Method::GET, "/x").await.unwrap().0, 429);
    assert_eq!(counter.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_the_write_done() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    faults.lost_answers(1.0);
    assert_eq!(ask(&faults, &counter, Method::POST, "/x").await, Err("connection lost".into()));
    assert_eq!(counter.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_repeats_the_answer_before() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    ask(&faults, &counter, Method::GET, "/x").await.unwrap();
    faults.stale_reads(1.0);
    assert_eq!(ask(&faults, &counter, Method::GET, "/x").await, Ok((200, "1".into())));
    assert_eq!(ask(&faults, &counter, Method::GET, "/y").await, Ok((200, "2".into())));
}

#[tokio::test(start_paused = true)]
async fn a_partition_fails_requests_and_breaks_watches() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    let watch = ask(&faults, &counter, Method::GET, "/x?watch=1");
    let parting = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        faults.partition();
    };
    let (watch, ()) = tokio::join!(watch, parting);
    assert_eq!(watch, Err("connection lost".into()));
    assert!(ask(&faults, &counter, Method::GET, "/x").await.is_err());
    faults.heal();
    assert!(ask(&faults, &counter, Method::GET, "/x").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_held_goes_on_after_the_release() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    faults.hold();
    let start = tokio::time::Instant::now();
    let release = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        faults.release();
    };
    let (answer, ()) = tokio::join!(ask(&faults, &counter, Method::GET, "/x"), release);
    assert!(answer.is_ok());
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_cut_ends_watches_cleanly() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    let cut = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        faults.cut_watches();
    };
    let (watch, ()) = tokio::join!(ask(&faults, &counter, Method::GET, "/x?watch=true"), cut);
    assert_eq!(watch, Ok((200, "01".into())));
}

#[tokio::test(start_paused = true)]
async fn lost_events_end_the_watch_or_are_missing_from_it() {
    let (faults, counter) = (Faults::new(7), Counter::default());
    faults.lost_events(1.0, Loss::Cut);
    assert_eq!(ask(&faults, &counter, Method::GET, "/x?watch=true").await, Ok((200, String::new())));
    faults.lost_events(0.5, Loss::Silent);
    let seen = ask(&faults, &counter, Method::GET, "/x?watch=true").await.unwrap().1;
    assert!(seen.len() < 5, "{seen}");
    assert!("01234".chars().filter(|c| seen.contains(*c)).eq(seen.chars()), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_fails_in_the_same_way() {
    let run = |seed| async move {
        let (faults, counter) = (Faults::new(seed), Counter::default());
        faults.errors(StatusCode::INTERNAL_SERVER_ERROR, 0.5);
        faults.latency(Duration::ZERO..Duration::from_secs(1));
        let start = tokio::time::Instant::now();
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(ask(&faults, &counter, Method::GET, "/x").await.unwrap().0);
        }
        (statuses, start.elapsed())
    };
    assert_eq!(run(3).await, run(3).await);
    assert_ne!(run(3).await, run(4).await);
}

#[tokio::test(start_paused = true)]
async fn faults_keep_to_their_scope() {
    let (faults, counter) = (Faults::new(1), Counter::default());
    faults.errors(StatusCode::INTERNAL_SERVER_ERROR, 1.0);
    faults.only(|parts| parts.uri.path().contains("pods"));
    assert_eq!(ask(&faults, &counter, Method::GET, "/pods").await.unwrap().0, 500);
    assert_eq!(ask(&faults, &counter, Method::GET, "/nodes").await.unwrap().0, 200);
}
