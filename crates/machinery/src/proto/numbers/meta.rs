//! `k8s.io.apimachinery.pkg.apis.meta.v1`.

pub(super) const MESSAGES: &str = "
meta.v1.ObjectMeta: name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields=17
meta.v1.ListMeta: selfLink resourceVersion continue remainingItemCount
meta.v1.OwnerReference: kind name=3 uid apiVersion controller blockOwnerDeletion
meta.v1.ManagedFieldsEntry: manager operation apiVersion time fieldsType=6 fieldsV1 subresource
meta.v1.LabelSelector: matchLabels matchExpressions
meta.v1.LabelSelectorRequirement meta.v1.FieldSelectorRequirement: key operator values
meta.v1.Condition: type status observedGeneration lastTransitionTime reason message
meta.v1.DeleteOptions: gracePeriodSeconds preconditions orphanDependents propagationPolicy dryRun ignoreStoreReadErrorWithClusterBreakingPotential
meta.v1.Preconditions: uid resourceVersion
meta.v1.Status: metadata status message reason details code
meta.v1.StatusDetails: name group kind causes retryAfterSeconds uid
meta.v1.StatusCause: reason message field
";
