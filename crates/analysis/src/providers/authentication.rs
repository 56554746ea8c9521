//! Ways to log in that several providers have: user and password, OAuth2 client credentials, Amazon's signatures.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use tiphys_api::types::{Authentication, OAuth2Config, WebMetricHeader};

use super::{ProviderError, Services};
use crate::{
    Secret, aws,
    http::{Request, Response, form, percent},
};

/// How requests log in.
#[derive(Debug, Clone)]
pub(super) struct Login {
    headers: Vec<WebMetricHeader>,
    basic: Option<Secret>,
    oauth2: Option<OAuth2Config>,
    signature: Option<aws::Identity>,
    services: Services,
    is_insecure: bool,
}

/// An answer of a token endpoint.
#[derive(Deserialize)]
struct Token {
    access_token: String,
    #[serde(default)]
    token_type: String,
}

impl Login {
    /// Reads how a metric logs in; headers are set on every request, those for tokens included.
    ///
    /// # Errors
    /// Where a part is missing.
    pub(super) fn new(
        authentication: &Authentication,
        headers: &[WebMetricHeader],
        is_insecure: bool,
        services: &Services,
    ) -> Result<Self, ProviderError> {
        let Authentication { basic_auth, oauth2, .. } = authentication;
        let missing = |what: &str| {
            ProviderError::Configure(format!("missing mandatory parameter in metric for basic auth setup: {what}"))
        };
        let basic = match (basic_auth.username.as_str(), basic_auth.password.as_str()) {
            ("", "") => None,
            ("", _) => return Err(missing("username")),
            (_, "") => return Err(missing("password")),
            (user, password) => Some(basic(user, password)),
        };
        let oauth2 = Some(oauth2).filter(|oauth2| !oauth2.token_url.is_empty()).cloned();
        if oauth2.as_ref().is_some_and(|oauth2| oauth2.client_id.is_empty() || oauth2.client_secret.is_empty()) {
            let text = "missing mandatory parameter in metric for OAuth2 setup";
            return Err(ProviderError::Configure(text.to_owned()));
        }
        let services = services.clone();
        Ok(Self { headers: headers.to_vec(), basic, oauth2, signature: None, services, is_insecure })
    }

    /// Signs requests as Amazon wants.
    pub(super) fn signed(mut self, identity: aws::Identity) -> Self {
        self.signature = Some(identity);
        self
    }

    /// Sends a request with what it takes to be let in.
    ///
    /// # Errors
    /// Where no token is to be had, or no answer comes.
    pub(super) async fn send(&self, request: Request, now: Timestamp) -> Result<Response, ProviderError> {
        let mut request = self.decorate(request)?.insecure(self.is_insecure);
        if let Some(basic) = &self.basic {
            request = request.secret_header("authorization", basic)?;
        }
        if let Some(oauth2) = &self.oauth2 {
            let token = self.token(oauth2, &request).await?;
            request = request.secret_header("authorization", &token)?;
        }
        if let Some(identity) = &self.signature {
            let credentials = aws::credentials(identity, &self.services, now).await?;
            let region = aws::region(identity, &self.services);
            request = aws::sign(request, "aps", &region, &credentials, now)?;
        }
        Ok(self.services.fetch.fetch(request).await?)
    }

    fn decorate(&self, request: Request) -> Result<Request, ProviderError> {
        let mut request = request;
        for header in &self.headers {
            request = request.header(&header.key, &header.value)?;
        }
        Ok(request)
    }

    /// Asks for a token: with the credentials in the header first, as most servers want it, then in the form.
    async fn token(&self, oauth2: &OAuth2Config, like: &Request) -> Result<Secret, ProviderError> {
        let scopes = oauth2.scopes.join(" ");
        let mut fields = vec![("grant_type", "client_credentials")];
        if !scopes.is_empty() {
            fields.push(("scope", &scopes));
        }
        let ask = |fields: &[(&str, &str)]| -> Result<Request, ProviderError> {
            let request =
                Request::new(Method::POST, &oauth2.token_url)?.within(like.timeout).insecure(self.is_insecure);
            Ok(self.decorate(request)?.body("application/x-www-form-urlencoded", form(fields))?)
        };
        let header = basic(&percent(&oauth2.client_id), &percent(&oauth2.client_secret));
        let request = ask(&fields)?.secret_header("authorization", &header)?;
        let mut answer = self.services.fetch.fetch(request).await?;
        if !answer.status.is_success() {
            fields.push(("client_id", &oauth2.client_id));
            fields.push(("client_secret", &oauth2.client_secret));
            answer = self.services.fetch.fetch(ask(&fields)?).await?;
        }
        if !answer.status.is_success() {
            // The body may repeat what was sent.
            let text = format!("oauth2: cannot fetch token: {}", answer.status_line());
            return Err(ProviderError::Credentials(text));
        }
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| ProviderError::Credentials("oauth2: server response missing access_token".to_owned()))?;
        let kind = match token.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer".to_owned(),
            "mac" => "MAC".to_owned(),
            "basic" => "Basic".to_owned(),
            _ => token.token_type,
        };
        Ok(Secret::new(format!("{kind} {}", token.access_token)))
    }
}

/// Returns the header value of user and password.
fn basic(user: &str, password: &str) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}
