//! `networking`, `discovery`, `coordination`, `events`, `storage`, `scheduling`.

pub(super) const MESSAGES: &str = "
networking.v1.Ingress networking.v1.ServiceCIDR: metadata spec status
networking.v1.NetworkPolicy networking.v1.IngressClass networking.v1.IPAddress: metadata spec
networking.v1.IngressSpec: defaultBackend tls rules ingressClassName
networking.v1.IngressTLS: hosts secretName
networking.v1.IngressRule: host ^networking.v1.IngressRuleValue
networking.v1.IngressRuleValue: http
networking.v1.HTTPIngressRuleValue: paths
networking.v1.HTTPIngressPath: path backend pathType
networking.v1.IngressBackend: resource=3 service
networking.v1.IngressServiceBackend: name port
networking.v1.ServiceBackendPort: name number
networking.v1.IngressStatus: loadBalancer
networking.v1.IngressLoadBalancerStatus: ingress
networking.v1.IngressLoadBalancerIngress: ip hostname ports=4
networking.v1.IngressPortStatus: port protocol error
networking.v1.IngressClassSpec: controller parameters
networking.v1.IngressClassParametersReference: apiGroup kind name scope namespace
networking.v1.NetworkPolicySpec: podSelector ingress egress policyTypes
networking.v1.NetworkPolicyIngressRule: ports from
networking.v1.NetworkPolicyEgressRule: ports to
networking.v1.NetworkPolicyPort: protocol port endPort
networking.v1.NetworkPolicyPeer: podSelector namespaceSelector ipBlock
networking.v1.IPBlock: cidr except
networking.v1.IPAddressSpec: parentRef
networking.v1.ParentReference: group resource namespace name
networking.v1.ServiceCIDRSpec: cidrs
networking.v1.ServiceCIDRStatus: conditions

discovery.v1.EndpointSlice: metadata endpoints ports addressType
discovery.v1.Endpoint: addresses conditions hostname targetRef deprecatedTopology nodeName zone hints
discovery.v1.EndpointConditions: ready serving terminating
discovery.v1.EndpointHints: forZones forNodes
discovery.v1.ForZone discovery.v1.ForNode: name
discovery.v1.EndpointPort: name protocol port appProtocol

coordination.v1.Lease: metadata spec
coordination.v1.LeaseSpec: holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions strategy preferredHolder

events.v1.Event: metadata eventTime series reportingController reportingInstance action reason regarding related note type deprecatedSource deprecatedFirstTimestamp deprecatedLastTimestamp deprecatedCount
events.v1.EventSeries: count lastObservedTime

storage.v1.StorageClass: metadata provisioner parameters reclaimPolicy mountOptions allowVolumeExpansion volumeBindingMode allowedTopologies
storage.v1.VolumeAttributesClass: metadata driverName parameters
storage.v1.VolumeAttachment: metadata spec status
storage.v1.VolumeAttachmentSpec: attacher source nodeName
storage.v1.VolumeAttachmentSource: persistentVolumeName inlineVolumeSpec
storage.v1.VolumeAttachmentStatus: attached attachmentMetadata attachError detachError
storage.v1.VolumeError: time message errorCode
storage.v1.CSIDriver storage.v1.CSINode: metadata spec
storage.v1.CSIDriverSpec: attachRequired podInfoOnMount volumeLifecycleModes storageCapacity fsGroupPolicy tokenRequests requiresRepublish seLinuxMount nodeAllocatableUpdatePeriodSeconds
storage.v1.TokenRequest: audience expirationSeconds
storage.v1.CSINodeSpec: drivers
storage.v1.CSINodeDriver: name nodeID topologyKeys allocatable
storage.v1.VolumeNodeResources: count
storage.v1.CSIStorageCapacity: metadata nodeTopology storageClassName capacity maximumVolumeSize

scheduling.v1.PriorityClass: metadata value globalDefault description preemptionPolicy
";
