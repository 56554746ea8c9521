//! Programs over HTTP.

use std::{collections::BTreeMap, io, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tiphys_plugin::{Download, DownloadFuture};
use tokio::time::timeout;

/// Time for everything.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Redirects in a row at most.
const MAX_REDIRECTS: usize = 10;

/// Downloads with the certificate authorities of this machine. Redirects are followed; never from https to http, and without
/// the headers to another host.
#[derive(Debug, Clone)]
pub struct Web(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl Web {
    /// Returns a client.
    ///
    /// # Errors
    /// If the certificate authorities cannot be read.
    pub fn new() -> io::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    async fn fetch(&self, url: &str, headers: &BTreeMap<String, String>, limit: u64) -> Result<Vec<u8>, String> {
        let mut at: Uri = url.parse().map_err(|_| "it is no address".to_owned())?;
        let (host, mut headers) = (at.authority().cloned(), headers.clone());
        for _ in 0..=MAX_REDIRECTS {
            let response = self.get(&at, &headers).await?;
            let Some(next) = redirect(&at, &response)? else { return body(response, limit).await };
            if next.authority() != host.as_ref() {
                headers.clear();
            }
            at = next;
        }
        Err(format!("more than {MAX_REDIRECTS} redirects"))
    }

    async fn get(&self, at: &Uri, headers: &BTreeMap<String, String>) -> Result<Response<Incoming>, String> {
        let mut request = Request::get(at).header(header::USER_AGENT, "tiphys");
        for (name, value) in headers {
            let parsed = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_str(value.trim()).ok());
            let (key, mut value) = parsed.ok_or_else(|| format!("header {name} cannot be sent"))?;
            value.set_sensitive(true);
            request = request.header(key, value);
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        self.0.request(request).await.map_err(|error| chain(&error))
    }
}

impl Download for Web {
    fn get<'a>(&'a self, url: &'a str, headers: &'a BTreeMap<String, String>, limit: u64) -> DownloadFuture<'a> {
        Box::pin(async move {
            let late = |_| format!("took longer than {TIMEOUT:?}");
            timeout(TIMEOUT, self.fetch(url, headers, limit)).await.map_err(late)?
        })
    }
}

fn redirect(at: &Uri, response: &Response<Incoming>) -> Result<Option<Uri>, String> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    next(at, location.ok_or_else(|| "a redirect to nowhere".to_owned())?).map(Some)
}

fn next(at: &Uri, location: &str) -> Result<Uri, String> {
    let invalid = || "a redirect to no address".to_owned();
    let mut parts = location.parse::<Uri>().map_err(|_| invalid())?.into_parts();
    if parts.authority.is_none() {
        parts.scheme = at.scheme().cloned();
        parts.authority = at.authority().cloned();
    }
    let next = Uri::from_parts(parts).map_err(|_| invalid())?;
    if at.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
        return Err("a redirect from https to http".to_owned());
    }
    Ok(next)
}

async fn body(response: Response<Incoming>, limit: u64) -> Result<Vec<u8>, String> {
    if !response.status().is_success() {
        return Err(format!("answered with status {}", response.status()));
    }
    let limited = Limited::new(response.into_body(), usize::try_from(limit).unwrap_or(usize::MAX));
    let all = limited.collect().await.map_err(|error| chain(&*error))?;
    Ok(all.to_bytes().to_vec())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers each connection with the next text, and returns the requests.
    async fn serve(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await.unwrap();
                asked.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        (url, serving)
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn redirects_are_followed_and_headers_stay_with_their_host() {
        let (other, there) = serve(vec![answer("200 OK", "program")]).await;
        let here =
            vec![answer("302 Found\r\nlocation: /next", ""), answer(&format!("302 Found\r\nlocation: {other}/x"), "")];
        let (url, here) = serve(here).await;
        let headers = BTreeMap::from([("authorization".to_owned(), "secret\n".to_owned())]);
        let found = Download::get(&Web::new().unwrap(), &format!("{url}/first"), &headers, 100).await.unwrap();
        assert_eq!(found, b"program");
        let here = here.await.unwrap();
        assert!(here[1].starts_with("GET /next ") && here[1].contains("authorization: secret"), "{here:?}");
        assert!(!there.await.unwrap()[0].contains("secret"));
    }

    #[tokio::test]
    async fn what_is_too_long_or_refused_is_no_program() {
        let (url, _serving) = serve(vec![answer("200 OK", "program"), answer("404 Not Found", "")]).await;
        let web = Web::new().unwrap();
        let long = Download::get(&web, &url, &BTreeMap::new(), 3).await.unwrap_err();
        assert!(long.contains("length limit"), "{long}");
        let gone = Download::get(&web, &url, &BTreeMap::new(), 100).await.unwrap_err();
        assert_eq!(gone, "answered with status 404 Not Found");
        assert_eq!(Download::get(&web, "no address", &BTreeMap::new(), 1).await.unwrap_err(), "it is no address");
    }

    #[test]
    fn a_redirect_never_leaves_encryption() {
        let at: Uri = "https://a/x".parse().unwrap();
        assert_eq!(next(&at, "http://a/y").unwrap_err(), "a redirect from https to http");
        assert_eq!(next(&at, "https://b/y").unwrap(), "https://b/y");
        assert_eq!(next(&at, "/y?z").unwrap(), "https://a/y?z");
        assert_eq!(next(&at, "").unwrap_err(), "a redirect to no address");
    }
}
