//! Following redirects, as Go's client does, but more carefully with what goes along.

use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::{FetchError, Request, Response, host};

/// Redirects in a row at most.
pub(super) const MAX: usize = 10;

/// Headers that go along to another host.
const HARMLESS: [header::HeaderName; 3] = [header::ACCEPT, header::USER_AGENT, header::ACCEPT_LANGUAGE];

/// Returns the request that a redirect asks for; `None` for any other answer.
pub(super) fn next(request: &Request, response: &Response) -> Result<Option<Request>, FetchError> {
    let keeps_method = match response.status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let Some(location) = response.headers.get(header::LOCATION) else { return Ok(None) };
    let refused = |why: &str| FetchError::Redirect(format!("redirect of {}: {why}", host(&request.uri)));
    let location = location.to_str().map_err(|_| refused("the Location header is no text"))?;
    let uri = resolve(&request.uri, location).ok_or_else(|| refused("the Location header is no address"))?;
    let is_foreign = host(&uri) != host(&request.uri) || uri.scheme() != request.uri.scheme();
    let mut next = request.clone();
    next.uri = uri;
    if !keeps_method && request.method != Method::HEAD {
        next.method = Method::GET;
        next.body = bytes::Bytes::new();
        next.headers.remove(header::CONTENT_TYPE);
    }
    if is_foreign {
        if !next.body.is_empty() {
            return Err(refused("the body is not sent to another host"));
        }
        next.headers = harmless(&request.headers);
    }
    Ok(Some(next))
}

fn harmless(headers: &HeaderMap) -> HeaderMap {
    let kept = HARMLESS.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    kept.collect()
}

fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if let Ok(uri) = location.parse::<Uri>()
        && uri.scheme().is_some()
    {
        return matches!(uri.scheme_str(), Some("http" | "https")).then_some(uri);
    }
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let absolute = match location {
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        _ if location.starts_with('?') => format!("{scheme}://{authority}{}{location}", base.path()),
        _ => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        }
    };
    absolute.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, location: &str) -> Response {
        let headers = [(header::LOCATION, location.parse().unwrap())].into_iter().collect();
        Response { status: StatusCode::from_u16(status).unwrap(), headers, body: bytes::Bytes::new() }
    }

    fn post() -> Request {
        let request = Request::new(Method::POST, "http://a.example/x/y?z=1").unwrap();
        let request = request.header("authorization", "Bearer t").unwrap().header("x-key", "k").unwrap();
        request.header("accept", "text/csv").unwrap().body("text/plain", "secret").unwrap()
    }

    #[track_caller]
    fn check(status: u16, location: &str, expected: &str) {
        let shown = match next(&post(), &answer(status, location)) {
            Err(error) => error.to_string(),
            Ok(None) => "none".to_owned(),
            Ok(Some(next)) => {
                let mut names: Vec<_> = next.headers.keys().map(|name| name.as_str().to_owned()).collect();
                names.sort();
                format!("{} {} {} {}", next.method, next.uri, names.join(","), next.body.len())
            }
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn credentials_stay_with_their_host() {
        check(302, "/w", "GET http://a.example/w accept,authorization,x-key 0");
        check(307, "w?q=1", "POST http://a.example/x/w?q=1 accept,authorization,content-type,x-key 6");
        check(303, "http://b.example/w", "GET http://b.example/w accept 0");
        check(302, "https://a.example/w", "GET https://a.example/w accept 0");
        check(302, "http://a.example:81/w", "GET http://a.example:81/w accept 0");
        check(308, "//b.example/w", "redirect of a.example: the body is not sent to another host");
        check(302, "ftp://a.example/", "redirect of a.example: the Location header is no address");
        check(200, "/w", "none");
    }
}
