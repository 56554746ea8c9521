//! `Rollout.spec.strategy.canary.trafficRouting`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api_types;

api_types! {
    /// Which router shifts users, and how.
    TrafficRouting {
        /// Istio.
        istio: Option<IstioTrafficRouting>,
        /// Nginx ingress controller.
        nginx: Option<NginxTrafficRouting>,
        /// AWS load balancer controller.
        alb: Option<AlbTrafficRouting>,
        /// Service Mesh Interface.
        smi: Option<SmiTrafficRouting>,
        /// Ambassador, Emissary.
        ambassador: Option<AmbassadorTrafficRouting>,
        /// AWS App Mesh.
        app_mesh: Option<AppMeshTrafficRouting>,
        /// Traefik.
        traefik: Option<TraefikTrafficRouting>,
        /// Routes that belong to the controller, first wins; absent and empty differ in validation.
        managed_routes: Option<Vec<ManagedRoute>>,
        /// Apache APISIX.
        apisix: Option<ApisixTrafficRouting>,
        /// Plugins by name, each with its configuration.
        plugins: BTreeMap<String, Value>,
        /// The weight that means everybody; 100 unless set.
        max_traffic_weight: Option<i32>,
    }

    /// A route that belongs to the controller.
    ManagedRoute {
        /// Name.
        name!: String,
    }

    /// Nginx ingress controller.
    NginxTrafficRouting {
        /// Prefix of the annotations.
        annotation_prefix: String,
        /// The Ingress of the stable Service.
        stable_ingress: String,
        /// Annotations to add, without prefix.
        additional_ingress_annotations: BTreeMap<String, String>,
        /// Several Ingresses.
        stable_ingresses: Vec<String>,
        /// Annotations of the canary Ingress, full keys.
        canary_ingress_annotations: BTreeMap<String, String>,
    }

    /// AWS load balancer controller.
    AlbTrafficRouting {
        /// The Ingress.
        ingress: String,
        /// Port of the target groups.
        service_port!: i32,
        /// Service that names the action.
        root_service: String,
        /// Prefix of the annotations.
        annotation_prefix: String,
        /// Sticky sessions.
        stickiness_config: Option<StickinessConfig>,
        /// Several Ingresses.
        ingresses: Vec<String>,
    }

    /// Sticky sessions of a target group.
    StickinessConfig {
        /// Whether they are on.
        enabled!: bool,
        /// 1 to 604800.
        duration_seconds!: i64,
    }

    /// Istio.
    IstioTrafficRouting {
        /// One VirtualService.
        virtual_service: Option<IstioVirtualService>,
        /// Splits by subset instead of by host.
        destination_rule: Option<IstioDestinationRule>,
        /// Several VirtualServices.
        virtual_services: Vec<IstioVirtualService>,
    }

    /// A VirtualService and the routes in it.
    IstioVirtualService {
        /// `name` or `name.namespace`.
        name!: String,
        /// Names of HTTP routes.
        routes: Vec<String>,
        /// TLS routes.
        tls_routes: Vec<TlsRoute>,
        /// TCP routes.
        tcp_routes: Vec<TcpRoute>,
    }

    /// A TLS route.
    TlsRoute {
        /// Port; 0 is none.
        port: i64,
        /// Host names.
        sni_hosts: Vec<String>,
    }

    /// A TCP route.
    TcpRoute {
        /// Port; 0 is none.
        port: i64,
    }

    /// A DestinationRule and its subsets.
    IstioDestinationRule {
        /// Name.
        name!: String,
        /// Subset of the new pods.
        canary_subset_name!: String,
        /// Subset of the stable pods.
        stable_subset_name!: String,
        /// Subsets whose weight is left alone.
        additional_subset_names: Vec<String>,
    }

    /// Service Mesh Interface.
    SmiTrafficRouting {
        /// Service that clients use.
        root_service: String,
        /// Name of the TrafficSplit.
        traffic_split_name: String,
    }

    /// Ambassador, Emissary.
    AmbassadorTrafficRouting {
        /// Names of the Mappings.
        mappings!: Vec<String>,
    }

    /// Traefik.
    TraefikTrafficRouting {
        /// Name of the TraefikService.
        weighted_traefik_service_name!: String,
    }

    /// Apache APISIX.
    ApisixTrafficRouting {
        /// The route.
        route: Option<ApisixRoute>,
    }

    /// An ApisixRoute and the rules in it.
    ApisixRoute {
        /// Name.
        name!: String,
        /// Names of rules.
        rules: Vec<String>,
    }

    /// AWS App Mesh.
    AppMeshTrafficRouting {
        /// The VirtualService.
        virtual_service: Option<AppMeshVirtualService>,
        /// The VirtualNodes.
        virtual_node_group: Option<AppMeshVirtualNodeGroup>,
    }

    /// A VirtualService and the routes in it.
    AppMeshVirtualService {
        /// Name.
        name!: String,
        /// Names of routes.
        routes: Vec<String>,
    }

    /// The two VirtualNodes.
    AppMeshVirtualNodeGroup {
        /// Of the new pods.
        canary_virtual_node_ref!: Option<AppMeshVirtualNodeReference>,
        /// Of the stable pods.
        stable_virtual_node_ref!: Option<AppMeshVirtualNodeReference>,
    }

    /// A VirtualNode.
    AppMeshVirtualNodeReference {
        /// Name.
        name!: String,
    }
}
