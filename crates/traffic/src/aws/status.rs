//! What the status tells about a load balancer.

use tiphys_api::types::AwsResourceRef;

use super::api::Named;

/// Returns a load balancer as the status has it.
pub(super) fn load_balancer(found: &Named) -> AwsResourceRef {
    reference(found, 2)
}

/// Returns a target group as the status has it.
pub(super) fn target_group(found: &Named) -> AwsResourceRef {
    reference(found, 1)
}

/// The full name is the resource name from its part number `first` on, as metrics take it.
fn reference(found: &Named, first: usize) -> AwsResourceRef {
    let parts: Vec<&str> = found.arn.split('/').skip(first).collect();
    AwsResourceRef { name: found.name.clone(), arn: found.arn.clone(), full_name: parts.join("/") }
}
