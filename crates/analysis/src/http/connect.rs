//! Connections: names resolved with the guard in place, straight or through a proxy.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::{
        legacy::connect::{
            Connected, Connection, HttpConnector,
            dns::{GaiResolver, Name},
            proxy::Tunnel,
        },
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::{BoxError, Service};

use super::guard::{is_link_local, is_loopback, literal};

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(30);
/// Time between signs of life on an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Resolves names to addresses that may be asked.
#[derive(Clone)]
pub(super) struct Resolver {
    allows_link_local: bool,
    inner: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (allows_link_local, text) = (self.allows_link_local, name.as_str().to_owned());
        let resolving = self.inner.call(name);
        Box::pin(async move {
            let all: Vec<SocketAddr> = resolving.await?.collect();
            if !allows_link_local && all.iter().any(|address| is_link_local(address.ip())) {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("{text} is a link-local address, which analyses must not ask"),
                ));
            }
            Ok(all.into_iter())
        })
    }
}

/// Connects to hosts, through the proxy that the environment names for them.
#[derive(Clone)]
pub(super) struct Connector {
    allows_link_local: bool,
    direct: HttpConnector<Resolver>,
    proxies: Arc<Matcher>,
}

impl Connector {
    pub(super) fn new(allows_link_local: bool, proxies: Matcher) -> Self {
        let mut direct = HttpConnector::new_with_resolver(Resolver { allows_link_local, inner: GaiResolver::new() });
        direct.enforce_http(false);
        direct.set_connect_timeout(Some(CONNECT));
        direct.set_keepalive(Some(KEEP_ALIVE));
        Self { allows_link_local, direct, proxies: Arc::new(proxies) }
    }

    async fn connect(mut self, target: Uri) -> Result<Stream, BoxError> {
        let host = target.host().unwrap_or_default().to_owned();
        if !self.allows_link_local && literal(&host).is_some_and(is_link_local) {
            return Err(format!("{host} is a link-local address, which analyses must not ask").into());
        }
        let proxy = if is_loopback(&host) { None } else { self.proxies.intercept(&target) };
        let Some(proxy) = proxy else {
            return Ok(Stream { io: self.direct.call(target).await?, is_proxied: false });
        };
        if target.scheme_str() == Some("https") {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), self.direct);
            if let Some(credentials) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            return Ok(Stream { io: tunnel.call(target).await?, is_proxied: false });
        }
        Ok(Stream { io: self.direct.call(proxy.uri().clone()).await?, is_proxied: true })
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        Box::pin(self.clone().connect(target))
    }
}

/// A connection that knows whether a proxy is at its other end.
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    is_proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
