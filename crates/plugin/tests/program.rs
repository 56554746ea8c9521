//! Plugins in Rust, well-behaved and not. Each is an ignored test of this very program, so that tests can start it.

use std::{convert::Infallible, future::pending};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tiphys_plugin::{
    Launch,
    proto::{DescribeReply, RouteReply, RouteRequest, Verification, VerifyReply},
};
use tokio::net::UnixListener;

/// What a plugin does when it is asked to route.
#[derive(Clone, Copy)]
enum Mode {
    Good,
    Refuses,
    Dies,
    Hangs,
    Nonsense,
    Plain,
    Huge,
    Old,
    NoStatus,
}

/// Returns how to start one of the programs below.
pub(crate) fn launch(mode: &str) -> Launch {
    let args = [&format!("program::{mode}"), "--exact", "--ignored", "--nocapture"];
    Launch {
        name: format!("test/{mode}"),
        program: std::env::current_exe().unwrap(),
        args: args.iter().map(ToString::to_string).collect(),
    }
}

macro_rules! programs {
    ($($name:ident: $mode:expr,)*) => {
        $(
            #[test]
            #[ignore = "a program that other tests start"]
            fn $name() {
                serve($mode);
            }
        )*
    };
}

programs! {
    good: Mode::Good,
    refuses: Mode::Refuses,
    dies: Mode::Dies,
    hangs: Mode::Hangs,
    nonsense: Mode::Nonsense,
    plain: Mode::Plain,
    huge: Mode::Huge,
    old: Mode::Old,
    no_status: Mode::NoStatus,
}

#[test]
#[ignore = "a program that other tests start"]
fn exits() {
    if std::env::var_os("TIPHYS_PLUGIN_SOCKET").is_some() {
        eprintln!("no configuration\n");
        std::process::exit(3);
    }
}

#[test]
#[ignore = "a program that other tests start"]
fn silent() {
    if std::env::var_os("TIPHYS_PLUGIN_SOCKET").is_some() {
        println!("thinking");
        std::io::stdin().lines().for_each(drop);
    }
}

fn serve(mode: Mode) {
    let Some(socket) = std::env::var_os("TIPHYS_PLUGIN_SOCKET") else { return };
    assert_eq!(std::env::var("TIPHYS_PLUGIN_PROTOCOL").as_deref(), Ok("1"));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let listener = UnixListener::bind(socket).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(move |request| answer(mode, request));
            let server = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
}

async fn answer(mode: Mode, request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let good = |message: Vec<u8>| reply(frame(&message), &[("grpc-status", "0")]);
    let (mode, is_describe) = (mode, path == "/tiphys.plugin.v1.Plugin/Describe");
    if is_describe {
        let protocol = if matches!(mode, Mode::Old) { 2 } else { 1 };
        return Ok(good(DescribeReply { protocol, version: "test".to_owned() }.encode_to_vec()));
    }
    Ok(match mode {
        Mode::Good | Mode::Old if path == "/tiphys.plugin.v1.Traffic/Verify" => {
            let asked = RouteRequest::decode(body.slice(5..)).unwrap();
            let message = format!("{} of {}", asked.canary.unwrap().weight, asked.max_weight);
            let verification = Verification::Verified.into();
            good(VerifyReply { verification, message }.encode_to_vec())
        }
        Mode::Good | Mode::Old => good(RouteReply {}.encode_to_vec()),
        Mode::Refuses => reply(Bytes::new(), &[("grpc-status", "9"), ("grpc-message", "no%20such%20route %C3%A4 %")]),
        Mode::Dies => {
            eprintln!("out of luck");
            std::process::exit(7);
        }
        Mode::Hangs => pending().await,
        Mode::Nonsense => reply(frame(&[0xff, 0xff, 0xff]), &[("grpc-status", "0")]),
        Mode::Plain => Response::builder().status(404).body(Full::new(Bytes::from("not here")).boxed()).unwrap(),
        Mode::Huge => reply(frame(&vec![0; 8 << 20]), &[("grpc-status", "0")]),
        Mode::NoStatus => reply(frame(&[]), &[]),
    })
}

fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.extend_from_slice(message);
    framed.freeze()
}

fn reply(body: Bytes, trailers: &[(&'static str, &'static str)]) -> Response<BoxBody<Bytes, Infallible>> {
    let trailers: HeaderMap =
        trailers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let body = Full::new(body).with_trailers(async move { Some(Ok(trailers)) });
    Response::builder().header("content-type", "application/grpc+proto").body(body.boxed()).unwrap()
}
