//! What can be said about an object before it is sent: without a request, and so without side effects in admission.

use tiphys_machinery::{
    decode::{self, FieldValidation, Target},
    meta,
};

use super::{Applier, ApplyError, Request, printed};
use crate::diff::{client_type, gvk};

impl Applier {
    pub(super) fn try_out(&self, request: &Request<'_>) -> Result<String, ApplyError> {
        let target = request.target;
        self.info(target)?;
        let gvk = gvk(target);
        if request.validate
            && let Some(schema) = client_type(&gvk)
        {
            let as_typed = Target { gvk: &gvk, schema: &schema, custom: false };
            decode::value(target.clone(), Vec::new(), as_typed, FieldValidation::Strict)
                .map_err(|error| ApplyError::Invalid(error.message))?;
        }
        let word = match request.live {
            Some(live) if meta::name(live) == meta::name(target) => "configured",
            _ => "created",
        };
        Ok(format!("{} {word} (dry run)", printed(target)))
    }
}
