//! Where manifests come from.

use std::sync::Arc;

use futures::future::BoxFuture;
use tiphys_render::{RenderError, Rendered, Renderer, Wanted};

/// Makes manifests of sources.
pub trait Manifests: Send + Sync {
    /// Returns the manifests.
    fn render<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Arc<Rendered>, RenderError>>;
}

impl Manifests for Renderer {
    fn render<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Arc<Rendered>, RenderError>> {
        Box::pin(Self::render(self, wanted))
    }
}
