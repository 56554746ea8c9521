//! The Security Token Service: keys of a role.

use http::Method;
use jiff::Timestamp;

use super::{Keys, sign};
use crate::{
    Secret,
    http::{Request, Response, form},
    providers::{ProviderError, Services},
};

const VERSION: (&str, &str) = ("Version", "2011-06-15");
const SESSION: &str = "tiphys";

/// Returns the keys of a role that another identity may take.
pub(super) async fn assume_role(
    role: &str,
    region: &str,
    keys: &Keys,
    services: &Services,
    now: Timestamp,
) -> Result<Keys, ProviderError> {
    let fields = [("Action", "AssumeRole"), VERSION, ("RoleArn", role), ("RoleSessionName", SESSION)];
    let request = sign(request(region, &fields, services)?, "sts", region, keys, now)?;
    decode(&services.fetch.fetch(request).await?)
}

/// Returns the keys of a role that the bearer of a token may take.
pub(super) async fn assume_role_with_web_identity(
    role: &str,
    region: &str,
    token: &Secret,
    services: &Services,
) -> Result<Keys, ProviderError> {
    let session = services.variable("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION);
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        VERSION,
        ("RoleArn", role),
        ("RoleSessionName", session),
        ("WebIdentityToken", token.expose()),
    ];
    decode(&services.fetch.fetch(request(region, &fields, services)?).await?)
}

fn request(region: &str, fields: &[(&str, &str)], services: &Services) -> Result<Request, ProviderError> {
    let given = services.variable("AWS_ENDPOINT_URL_STS").or(services.variable("AWS_ENDPOINT_URL"));
    let url = given.map_or_else(|| format!("https://sts.{region}.amazonaws.com/"), str::to_owned);
    Ok(Request::new(Method::POST, &url)?.body("application/x-www-form-urlencoded", form(fields))?)
}

/// The answer is XML of which three elements matter.
fn decode(response: &Response) -> Result<Keys, ProviderError> {
    let text = response.text();
    let element = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        after.split_once(&format!("</{name}>")).map(|(value, _)| value.trim().to_owned())
    };
    let keys = || {
        Some(Keys {
            id: element("AccessKeyId")?,
            secret: Secret::new(element("SecretAccessKey")?),
            session: Some(Secret::new(element("SessionToken")?)),
        })
    };
    keys().filter(|_| response.status.is_success()).ok_or_else(|| {
        let said = element("Message").unwrap_or_else(|| response.status_line());
        ProviderError::Credentials(format!("Amazon STS: {said}"))
    })
}
