//! Where keys come from: the environment, a web identity (IRSA), the configuration files, the container, the instance.

use std::time::Duration;

use http::Method;
use serde::Deserialize;

use super::{Identity, Keys, profile, region, sts};
use crate::{
    Secret,
    http::{Request, Response},
    providers::{ProviderError, Services},
};

/// Of containers that are told a path only.
const CONTAINER: &str = "http://169.254.170.2";
/// Of instances.
const INSTANCE: &str = "http://169.254.169.254/latest";
/// Time for these.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What containers and instances answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

impl From<Answer> for Keys {
    fn from(answer: Answer) -> Self {
        Self {
            id: answer.access_key_id,
            secret: Secret::new(answer.secret_access_key),
            session: answer.token.map(Secret::new),
        }
    }
}

/// Returns keys from the first source that has any. A profile that is named goes before the environment.
pub(super) async fn find(identity: &Identity, services: &Services) -> Result<Keys, ProviderError> {
    let variable = |name: &str| services.variable(name);
    let profile = profile::read(identity, services);
    let of_profile = || {
        let id = profile.get("aws_access_key_id")?.clone();
        let secret = Secret::new(profile.get("aws_secret_access_key")?.clone());
        Some(Keys { id, secret, session: profile.get("aws_session_token").cloned().map(Secret::new) })
    };
    if !identity.profile.is_empty()
        && let Some(keys) = of_profile()
    {
        return Ok(keys);
    }
    if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        let session = variable("AWS_SESSION_TOKEN").map(Secret::new);
        return Ok(Keys { id: id.to_owned(), secret: Secret::new(secret), session });
    }
    if let (Some(role), Some(file)) = (variable("AWS_ROLE_ARN"), variable("AWS_WEB_IDENTITY_TOKEN_FILE")) {
        let token = secret_file(file)?;
        return sts::assume_role_with_web_identity(role, &region(identity, services), &token, services).await;
    }
    if let Some(keys) = of_profile() {
        return Ok(keys);
    }
    if let Some(keys) = container(services).await? {
        return Ok(keys);
    }
    instance(services).await
}

fn secret_file(path: &str) -> Result<Secret, ProviderError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| ProviderError::Credentials(format!("read {path}: {error}")))?;
    Ok(Secret::new(text.trim()))
}

/// Containers of ECS, and pods of EKS with a pod identity.
async fn container(services: &Services) -> Result<Option<Keys>, ProviderError> {
    let variable = |name: &str| services.variable(name);
    let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{CONTAINER}{path}"));
    let Some(url) = relative.or_else(|| variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned)) else {
        return Ok(None);
    };
    let mut request = Request::new(Method::GET, &url)?.within(TIMEOUT);
    if let Some(file) = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        request = request.secret_header("authorization", &secret_file(file)?)?;
    } else if let Some(token) = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
        request = request.secret_header("authorization", &Secret::new(token))?;
    }
    decode(&services.credentials.fetch(request).await?).map(Some)
}

/// Instances of EC2, asked with a token first.
async fn instance(services: &Services) -> Result<Keys, ProviderError> {
    let missing = || ProviderError::Credentials("no Amazon credentials found".to_owned());
    if services.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(missing());
    }
    let base = services
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .map(|url| format!("{}/latest", url.trim_end_matches('/')));
    let base = base.unwrap_or_else(|| INSTANCE.to_owned());
    let token = Request::new(Method::PUT, &format!("{base}/api/token"))?.within(TIMEOUT);
    let token = token.header("x-aws-ec2-metadata-token-ttl-seconds", "300")?;
    let token = services.credentials.fetch(token).await.map_err(|_| missing())?;
    let token = Secret::new(token.text());
    let ask = async |path: &str| -> Result<Response, ProviderError> {
        let url = format!("{base}/meta-data/iam/security-credentials/{path}");
        let request = Request::new(Method::GET, &url)?.within(TIMEOUT);
        let request = request.secret_header("x-aws-ec2-metadata-token", &token)?;
        Ok(services.credentials.fetch(request).await?)
    };
    let role = ask("").await?;
    if !role.status.is_success() {
        return Err(missing());
    }
    let role = role.text();
    decode(&ask(role.lines().next().unwrap_or_default().trim()).await?)
}

fn decode(response: &Response) -> Result<Keys, ProviderError> {
    let decoded: Option<Answer> = serde_json::from_slice(&response.body).ok();
    let keys = decoded.filter(|_| response.status.is_success()).map(Keys::from);
    keys.ok_or_else(|| ProviderError::Credentials(format!("Amazon credentials: {}", response.status_line())))
}
