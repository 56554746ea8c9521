//! What the HTTP client refuses and bounds.

use std::{sync::Arc, time::Duration};

use http::Method;
use serde_json::json;
use tiphys_analysis::http::{Client, Fetch, Request, Settings};
use tokio::{io::AsyncReadExt, net::TcpListener};

use super::World;
use crate::server::{Server, json as answer, status};

fn client(allows_link_local: bool) -> Client {
    Client::new(Settings { allows_link_local, uses_proxies: false }).unwrap()
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let other = Server::start(|_| answer("1")).await;
    let target = other.url();
    let server = Server::start(move |asked| {
        let to = if asked.target == "/away" { target.clone() } else { "/away".to_owned() };
        (302, vec![("location", to)], String::new())
    })
    .await;
    let request = Request::new(Method::GET, &server.url()).unwrap().header("authorization", "Bearer t").unwrap();
    let response = client(false).fetch(request.header("x-api-key", "k").unwrap()).await.unwrap();
    assert_eq!(response.text(), "1");
    assert_eq!(server.asked()[1].headers["x-api-key"], "k", "the same host keeps them");
    let headers = &other.asked()[0].headers;
    assert!(!headers.contains_key("authorization") && !headers.contains_key("x-api-key"), "{headers:?}");
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::start(|_| (302, vec![("location", "/again".to_owned())], String::new())).await;
    let error = client(false).fetch(Request::new(Method::GET, &server.url()).unwrap()).await.unwrap_err();
    assert!(error.to_string().ends_with("stopped after 10 redirects"), "{error}");
}

#[tokio::test]
async fn link_local_addresses_are_refused_unless_allowed() {
    let url = "http://169.254.169.254/latest/meta-data/";
    // Without the interface that it belongs to, nothing can be sent to this one.
    let nowhere = Request::new(Method::GET, "http://[fe80::1]:9/").unwrap().within(Duration::from_millis(200));
    let error = client(false).fetch(nowhere.clone()).await.unwrap_err();
    assert!(error.to_string().contains("is a link-local address"), "{error}");
    let error = client(true).fetch(nowhere).await.unwrap_err();
    assert!(!error.to_string().contains("link-local"), "{error}");
    let mut world = World::new(&[]);
    world.services.fetch = Arc::new(client(false));
    let web = json!({"provider": {"web": {"url": url}}});
    let message = "GET 169.254.169.254: 169.254.169.254 is a link-local address, which analyses must not ask";
    world.check(web, ("Error", "", message)).await;
    let redirecting = Server::start(|_| (302, vec![("location", "http://[fe80::1]/".to_owned())], String::new())).await;
    let error = client(false).fetch(Request::new(Method::GET, &redirecting.url()).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("is a link-local address"), "{error}");
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let server = Server::start(|_| status(200, &"x".repeat(9 * 1024 * 1024))).await;
    let error = client(false).fetch(Request::new(Method::GET, &server.url()).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("is longer than"), "{error}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = silent.accept().await.unwrap();
        let mut nothing = [0; 1024];
        while stream.read(&mut nothing).await.is_ok_and(|read| read > 0) {}
    });
    let request = Request::new(Method::GET, &format!("http://{address}/")).unwrap().within(Duration::from_millis(50));
    let error = client(false).fetch(request).await.unwrap_err();
    assert_eq!(error.to_string(), format!("GET {address}: no answer within 50ms"));
}

#[tokio::test]
async fn certificates_are_checked_unless_told_otherwise() {
    let world = World::new(&[]);
    let listening = world.sandbox.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let ask =
        |is_insecure| Request::new(Method::GET, &format!("{}/version", listening.url())).unwrap().insecure(is_insecure);
    assert!(client(false).fetch(ask(false)).await.is_err(), "nobody vouches for the sandbox");
    let response = client(false).fetch(ask(true)).await.unwrap();
    assert!(matches!(response.status.as_u16(), 200 | 401), "{}", response.status);
}

#[tokio::test]
async fn secrets_do_not_print() {
    let request = Request::new(Method::GET, "http://u:hunter2@h.example/p?token=hunter2").unwrap();
    let request = request.header("authorization", "Bearer hunter2").unwrap().body("text/plain", "hunter2").unwrap();
    assert_eq!(format!("{request:?}"), "GET h.example/p");
    let refused = Request::new(Method::GET, "nonsense?token=hunter2").unwrap_err();
    assert_eq!(refused.to_string(), "nonsense is not a valid URL");
}
