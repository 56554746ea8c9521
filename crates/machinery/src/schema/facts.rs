//! What the Go types of the built-in kinds say beyond their JSON schema: how lists and maps merge, and which fields are
//! written although they are empty.

use std::{collections::HashMap, sync::OnceLock};

/// Facts of one field, as far as they differ from the common case (atomic list, granular map, dropped when empty).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct FieldFacts {
    /// `{a,b}`: a list map with these keys; `{}`: a set.
    pub(super) list: Option<Vec<&'static str>>,
    /// `<key` or `<`: strategic merge patch merges the list (by this key).
    pub(super) merge: Option<&'static str>,
    /// `+`: a patch may carry `$retainKeys`.
    pub(super) retain_keys: bool,
    /// `~`: strategic merge patch replaces the object.
    pub(super) replace: bool,
    /// `@`: server-side apply takes the object as one value; `^`: it does not although its type says so.
    pub(super) atomic: Option<bool>,
    /// `*`: a pointer in Go, or a list that is not `omitempty`: a given zero value stays.
    pub(super) pointer: bool,
    /// `.`: held by value in Go, so that it is written although it is empty.
    pub(super) value: bool,
    /// `-`: `omitempty` although the schema requires it.
    pub(super) omitted: bool,
    /// `=x`: the default that the OpenAPI document declares.
    pub(super) default: Option<&'static str>,
}

/// Facts of one type.
#[derive(Debug, Default)]
pub(super) struct TypeFacts {
    /// `@` after the name: server-side apply takes objects of this type as one value.
    pub(super) atomic: bool,
    /// By JSON name.
    pub(super) fields: HashMap<&'static str, FieldFacts>,
}

/// Returns the facts of a type by its short name, for instance `core.v1.Container`.
pub(super) fn of(short_name: &str) -> Option<&'static TypeFacts> {
    parsed().get(short_name)
}

/// Returns the types with their fields that have facts.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    parsed().iter().map(|(name, facts)| (*name, facts.fields.keys().copied().collect()))
}

fn parsed() -> &'static HashMap<&'static str, TypeFacts> {
    static PARSED: OnceLock<HashMap<&'static str, TypeFacts>> = OnceLock::new();
    PARSED.get_or_init(|| FACTS.lines().filter_map(parse_line).collect())
}

fn parse_line(line: &'static str) -> Option<(&'static str, TypeFacts)> {
    let mut words = line.split_whitespace();
    let head = words.next()?;
    let name = head.trim_end_matches('@');
    let fields = words.map(parse_field).collect();
    Some((name, TypeFacts { atomic: head.ends_with('@'), fields }))
}

fn parse_field(word: &'static str) -> (&'static str, FieldFacts) {
    let end = word.find(['{', '<', '+', '~', '@', '^', '*', '.', '-', '=']).unwrap_or(word.len());
    let (name, mut rest) = word.split_at(end);
    let mut facts = FieldFacts::default();
    while let Some(mark) = rest.chars().next() {
        rest = &rest[1..];
        match mark {
            '{' => {
                let (keys, after) = rest.split_once('}').unwrap_or((rest, ""));
                facts.list = Some(keys.split(',').filter(|k| !k.is_empty()).collect());
                rest = after;
            }
            '<' => {
                let end = rest.find(['+', '*', '.']).unwrap_or(rest.len());
                facts.merge = Some(&rest[..end]);
                rest = &rest[end..];
            }
            '=' => {
                facts.default = Some(rest);
                rest = "";
            }
            '+' => facts.retain_keys = true,
            '~' => facts.replace = true,
            '@' => facts.atomic = Some(true),
            '^' => facts.atomic = Some(false),
            '*' => facts.pointer = true,
            '-' => facts.omitted = true,
            _ => facts.value = true,
        }
    }
    (name, facts)
}

/// One type a line: its short name, then the fields with facts, marked as [`FieldFacts`] tells. Lists without a mark are
/// atomic; scalars that the schema requires are written even when zero; `metadata`, `spec` and `status` at the top of a
/// kind are held by value.
const FACTS: &str = "
meta.v1.ObjectMeta ownerReferences{uid}<uid finalizers{}< deletionGracePeriodSeconds* managedFields*
meta.v1.OwnerReference@ controller* blockOwnerDeletion*
meta.v1.LabelSelector@
meta.v1.Condition lastTransitionTime.
meta.v1.Preconditions uid* resourceVersion*
meta.v1.DeleteOptions gracePeriodSeconds* orphanDependents* propagationPolicy* ignoreStoreReadErrorWithClusterBreakingPotential*
meta.v1.ListMeta remainingItemCount*

core.v1.AppArmorProfile localhostProfile*
core.v1.AzureDiskVolumeSource cachingMode*=ReadWrite fsType*=ext4 readOnly*=false kind*=Shared
core.v1.AzureFilePersistentVolumeSource secretNamespace*
core.v1.Binding target.
core.v1.CSIVolumeSource readOnly* fsType*
core.v1.ClientIPConfig timeoutSeconds*
core.v1.ClusterTrustBundleProjection name* signerName* optional*
core.v1.ComponentStatus conditions{type}<type
core.v1.ConfigMap immutable*
core.v1.ConfigMapEnvSource name= optional*
core.v1.ConfigMapKeySelector@ name= optional*
core.v1.ConfigMapProjection name= optional*
core.v1.ConfigMapVolumeSource name= defaultMode* optional*
core.v1.Container ports{containerPort,protocol}<containerPort env{name}<name volumeMounts{mountPath}<mountPath volumeDevices{devicePath}<devicePath resources. restartPolicy*
core.v1.ContainerImage names*
core.v1.ContainerPort protocol=TCP
core.v1.ContainerRestartRule action-
core.v1.ContainerRestartRuleOnExitCodes values{} operator-
core.v1.ContainerStateRunning startedAt.
core.v1.ContainerStateTerminated startedAt. finishedAt.
core.v1.ContainerStatus volumeMounts{mountPath}<mountPath allocatedResourcesStatus{name}<name state. lastState. started* stopSignal*

core.v1.DownwardAPIVolumeFile mode*
core.v1.DownwardAPIVolumeSource defaultMode*
core.v1.EndpointAddress@ nodeName*
core.v1.EndpointPort@ appProtocol*
core.v1.EphemeralContainer ports{containerPort,protocol}<containerPort env{name}<name volumeMounts{mountPath}<mountPath volumeDevices{devicePath}<devicePath resources. restartPolicy*
core.v1.Event involvedObject. source. firstTimestamp. lastTimestamp. eventTime. reportingComponent. reportingInstance.
core.v1.EventSeries lastObservedTime.
core.v1.FCVolumeSource lun*
core.v1.FileKeySelector@ optional*=false
core.v1.GRPCAction service*=
core.v1.GlusterfsPersistentVolumeSource endpointsNamespace*
core.v1.HTTPGetAction port.
core.v1.HostPathVolumeSource type*
core.v1.ISCSIPersistentVolumeSource iscsiInterface=default initiatorName*
core.v1.ISCSIVolumeSource iscsiInterface=default initiatorName*
core.v1.KeyToPath mode*
core.v1.Lifecycle stopSignal*
core.v1.LoadBalancerIngress ipMode*
core.v1.LocalObjectReference@ name=
core.v1.LocalVolumeSource fsType*
core.v1.NamespaceCondition lastTransitionTime.
core.v1.NamespaceStatus conditions{type}<type
core.v1.NodeCondition lastHeartbeatTime. lastTransitionTime.
core.v1.NodeDaemonEndpoints kubeletEndpoint.
core.v1.NodeFeatures supplementalGroupsPolicy*
core.v1.NodeRuntimeHandler name.
core.v1.NodeRuntimeHandlerFeatures recursiveReadOnlyMounts* userNamespaces*
core.v1.NodeSelector@
core.v1.NodeSelectorTerm@
core.v1.NodeSpec podCIDRs{}<
core.v1.NodeStatus conditions{type}<type addresses{type}<type daemonEndpoints. nodeInfo.
core.v1.NodeSwapStatus capacity*
core.v1.ObjectFieldSelector@
core.v1.ObjectReference@
core.v1.PersistentVolumeClaimCondition lastProbeTime. lastTransitionTime.
core.v1.PersistentVolumeClaimSpec resources. storageClassName* volumeMode* volumeAttributesClassName*
core.v1.PersistentVolumeClaimStatus conditions{type}<type currentVolumeAttributesClassName*
core.v1.PersistentVolumeClaimTemplate metadata. spec.
core.v1.PersistentVolumeSpec claimRef^ volumeMode* volumeAttributesClassName*
core.v1.PodCertificateProjection maxExpirationSeconds* signerName- keyType-
core.v1.PodCondition lastProbeTime. lastTransitionTime.
core.v1.PodDNSConfigOption value*
core.v1.PodResourceClaim resourceClaimName* resourceClaimTemplateName*
core.v1.PodResourceClaimStatus resourceClaimName*
core.v1.PodSecurityContext runAsUser* runAsGroup* runAsNonRoot* supplementalGroupsPolicy* fsGroup* fsGroupChangePolicy* seLinuxChangePolicy*
core.v1.PodSpec volumes{name}<name+ initContainers{name}<name containers{name}<name ephemeralContainers{name}<name imagePullSecrets{name}<name hostAliases{ip}<ip topologySpreadConstraints{topologyKey,whenUnsatisfiable}<topologyKey schedulingGates{name}<name resourceClaims{name}<name+ nodeSelector@ terminationGracePeriodSeconds* activeDeadlineSeconds* automountServiceAccountToken* shareProcessNamespace* priority* runtimeClassName* enableServiceLinks* preemptionPolicy* setHostnameAsFQDN* hostUsers* hostnameOverride*
core.v1.PodStatus conditions{type}<type hostIPs<ip podIPs{ip}<ip resourceClaimStatuses{name}<name+
core.v1.PodTemplate template.
core.v1.PodTemplateSpec metadata. spec.
core.v1.PortStatus error*
core.v1.PreferredSchedulingTerm preference.
core.v1.Probe terminationGracePeriodSeconds*
core.v1.ProjectedVolumeSource defaultMode* sources*
core.v1.RBDPersistentVolumeSource pool=rbd user=admin keyring=/etc/ceph/keyring
core.v1.RBDVolumeSource pool=rbd user=admin keyring=/etc/ceph/keyring
core.v1.ReplicationControllerCondition lastTransitionTime.
core.v1.ReplicationControllerSpec selector@ replicas*=1 minReadySeconds=0
core.v1.ReplicationControllerStatus conditions{type}<type
core.v1.ResourceFieldSelector@ divisor.
core.v1.ResourceRequirements claims{name}
core.v1.ResourceStatus resources{resourceID}
core.v1.ScaleIOPersistentVolumeSource storageMode=ThinProvisioned fsType=xfs
core.v1.ScaleIOVolumeSource storageMode=ThinProvisioned fsType=xfs
core.v1.ScopeSelector@
core.v1.SeccompProfile localhostProfile*
core.v1.Secret immutable*
core.v1.SecretEnvSource name= optional*
core.v1.SecretKeySelector@ name= optional*
core.v1.SecretProjection name= optional*
core.v1.SecretReference@
core.v1.SecretVolumeSource defaultMode* optional*
core.v1.SecurityContext privileged* runAsUser* runAsGroup* runAsNonRoot* readOnlyRootFilesystem* allowPrivilegeEscalation* procMount*
core.v1.ServiceAccount secrets{name}<name automountServiceAccountToken*
core.v1.ServiceAccountTokenProjection expirationSeconds*
core.v1.ServicePort protocol=TCP appProtocol* targetPort.
core.v1.ServiceSpec ports{port,protocol}<port selector@ ipFamilyPolicy* allocateLoadBalancerNodePorts* loadBalancerClass* internalTrafficPolicy* trafficDistribution*
core.v1.ServiceStatus conditions{type}<type loadBalancer.
core.v1.TCPSocketAction port.
core.v1.Toleration tolerationSeconds*
core.v1.TopologySelectorTerm@
core.v1.TopologySpreadConstraint minDomains* nodeAffinityPolicy* nodeTaintsPolicy*
core.v1.TypedLocalObjectReference@ apiGroup*
core.v1.TypedObjectReference apiGroup* namespace*
core.v1.VolumeMount recursiveReadOnly* mountPropagation*
core.v1.VolumeMountStatus recursiveReadOnly*
core.v1.WeightedPodAffinityTerm podAffinityTerm.
core.v1.WindowsSecurityContextOptions gmsaCredentialSpecName* gmsaCredentialSpec* runAsUserName* hostProcess*

apps.v1.DaemonSetCondition lastTransitionTime.
apps.v1.DaemonSetSpec template. updateStrategy. revisionHistoryLimit*
apps.v1.DaemonSetStatus conditions{type}<type collisionCount*
apps.v1.DeploymentCondition lastUpdateTime. lastTransitionTime.
apps.v1.DeploymentSpec template. strategy+. replicas* revisionHistoryLimit* progressDeadlineSeconds*
apps.v1.DeploymentStatus conditions{type}<type terminatingReplicas* collisionCount*
apps.v1.ReplicaSetCondition lastTransitionTime.
apps.v1.ReplicaSetSpec template. replicas*
apps.v1.ReplicaSetStatus conditions{type}<type terminatingReplicas*
apps.v1.RollingUpdateStatefulSetStrategy partition*
apps.v1.StatefulSetCondition lastTransitionTime.
apps.v1.StatefulSetOrdinals start.
apps.v1.StatefulSetSpec template. updateStrategy. serviceName. replicas* revisionHistoryLimit*
apps.v1.StatefulSetStatus conditions{type}<type availableReplicas. collisionCount*

authentication.v1.SelfSubjectReviewStatus userInfo.
authentication.v1.TokenRequestSpec expirationSeconds*
authentication.v1.TokenRequestStatus expirationTimestamp.
authentication.v1.TokenReviewStatus user.

autoscaling.v1.CrossVersionObjectReference@
autoscaling.v1.HorizontalPodAutoscalerSpec scaleTargetRef. minReplicas* targetCPUUtilizationPercentage*
autoscaling.v1.HorizontalPodAutoscalerStatus observedGeneration* currentCPUUtilizationPercentage*
autoscaling.v1.ScaleSpec replicas=0
autoscaling.v2.ContainerResourceMetricSource target.
autoscaling.v2.ContainerResourceMetricStatus current.
autoscaling.v2.ExternalMetricSource metric. target.
autoscaling.v2.ExternalMetricStatus metric. current.
autoscaling.v2.HPAScalingRules stabilizationWindowSeconds* selectPolicy*
autoscaling.v2.HorizontalPodAutoscalerCondition lastTransitionTime.
autoscaling.v2.HorizontalPodAutoscalerSpec scaleTargetRef. minReplicas*
autoscaling.v2.HorizontalPodAutoscalerStatus conditions{type}<type observedGeneration* currentMetrics*
autoscaling.v2.MetricTarget averageUtilization*
autoscaling.v2.MetricValueStatus averageUtilization*
autoscaling.v2.ObjectMetricSource describedObject. target. metric.
autoscaling.v2.ObjectMetricStatus metric. current. describedObject.
autoscaling.v2.PodsMetricSource metric. target.
autoscaling.v2.PodsMetricStatus metric. current.
autoscaling.v2.ResourceMetricSource target.
autoscaling.v2.ResourceMetricStatus current.

batch.v1.CronJobSpec jobTemplate. timeZone* startingDeadlineSeconds* suspend* successfulJobsHistoryLimit* failedJobsHistoryLimit*
batch.v1.JobCondition lastProbeTime. lastTransitionTime.
batch.v1.JobSpec template. parallelism* completions* activeDeadlineSeconds* backoffLimit* backoffLimitPerIndex* maxFailedIndexes* manualSelector* ttlSecondsAfterFinished* completionMode* suspend* podReplacementPolicy* managedBy*
batch.v1.JobStatus conditions<type terminating* failedIndexes* ready*
batch.v1.JobTemplateSpec metadata. spec.
batch.v1.PodFailurePolicyOnExitCodesRequirement values{} containerName*
batch.v1.SuccessPolicyRule succeededIndexes* succeededCount*
batch.v1.UncountedTerminatedPods succeeded{} failed{}

policy.v1.PodDisruptionBudgetSpec selector~ unhealthyPodEvictionPolicy*
policy.v1.PodDisruptionBudgetStatus conditions{type}<type

networking.v1.HTTPIngressPath backend. pathType*
networking.v1.IngressClassParametersReference apiGroup* scope* namespace*
networking.v1.IngressPortStatus error*
networking.v1.IngressServiceBackend port.
networking.v1.IngressSpec ingressClassName*
networking.v1.IngressStatus loadBalancer.
networking.v1.NetworkPolicyPort protocol* endPort*
networking.v1.NetworkPolicySpec podSelector.
networking.v1.ParentReference resource- name-
networking.v1.ServiceBackendPort@
networking.v1.ServiceCIDRStatus conditions{type}<type

discovery.v1.Endpoint addresses{} conditions. hostname* nodeName* zone*
discovery.v1.EndpointConditions ready* serving* terminating*
discovery.v1.EndpointPort@ name* protocol* port* appProtocol*
discovery.v1.EndpointSlice ports*

coordination.v1.LeaseSpec holderIdentity* leaseDurationSeconds* leaseTransitions* strategy* preferredHolder*

events.v1.Event eventTime. regarding. deprecatedSource. deprecatedFirstTimestamp. deprecatedLastTimestamp.
events.v1.EventSeries lastObservedTime.

rbac.v1.ClusterRole rules*
rbac.v1.ClusterRoleBinding roleRef.
rbac.v1.Role rules*
rbac.v1.RoleBinding roleRef.
rbac.v1.RoleRef@
rbac.v1.Subject@

storage.v1.CSIDriverSpec volumeLifecycleModes{} attachRequired* podInfoOnMount* storageCapacity* fsGroupPolicy* requiresRepublish* seLinuxMount* nodeAllocatableUpdatePeriodSeconds*
storage.v1.CSINodeDriver topologyKeys*
storage.v1.CSINodeSpec drivers{name}<name
storage.v1.StorageClass reclaimPolicy* allowVolumeExpansion* volumeBindingMode*
storage.v1.TokenRequest expirationSeconds*
storage.v1.VolumeAttachmentSource persistentVolumeName*
storage.v1.VolumeAttachmentSpec source.
storage.v1.VolumeError time. errorCode*
storage.v1.VolumeNodeResources count*

scheduling.v1.PriorityClass preemptionPolicy*

admissionregistration.v1.MatchResources@ matchPolicy*
admissionregistration.v1.MutatingWebhook matchConditions{name}<name clientConfig. failurePolicy* matchPolicy* sideEffects* timeoutSeconds* reinvocationPolicy*
admissionregistration.v1.MutatingWebhookConfiguration webhooks{name}<name
admissionregistration.v1.NamedRuleWithOperations@ scope*
admissionregistration.v1.ParamKind@
admissionregistration.v1.ParamRef@ parameterNotFoundAction*
admissionregistration.v1.RuleWithOperations scope*
admissionregistration.v1.ServiceReference path* port*
admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec validationActions{}
admissionregistration.v1.ValidatingAdmissionPolicySpec matchConditions{name}<name variables{name}<name failurePolicy*
admissionregistration.v1.ValidatingAdmissionPolicyStatus conditions{type}
admissionregistration.v1.ValidatingWebhook matchConditions{name}<name clientConfig. failurePolicy* matchPolicy* sideEffects* timeoutSeconds*
admissionregistration.v1.ValidatingWebhookConfiguration webhooks{name}<name
admissionregistration.v1.Validation reason*
admissionregistration.v1.Variable@
admissionregistration.v1.WebhookClientConfig url*

apiextensions.v1.CustomResourceDefinitionCondition lastTransitionTime.
apiextensions.v1.CustomResourceDefinitionSpec names.
apiextensions.v1.CustomResourceDefinitionStatus conditions{type}* acceptedNames. storedVersions*
apiextensions.v1.CustomResourceDefinitionVersion deprecationWarning*
apiextensions.v1.CustomResourceSubresourceScale labelSelectorPath*
apiextensions.v1.ServiceReference path* port*
apiextensions.v1.WebhookClientConfig url*

apiregistration.v1.APIServiceCondition lastTransitionTime.
apiregistration.v1.APIServiceStatus conditions{type}<type
apiregistration.v1.ServiceReference port*
";
