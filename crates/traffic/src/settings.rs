//! Settings of the controller that routers depend on.

/// Versions and names from the flags of the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `--istio-api-version`: version of `networking.istio.io`.
    pub istio_version: String,
    /// `--traffic-split-api-version`: version of `split.smi-spec.io`.
    pub traffic_split_version: String,
    /// `--ambassador-api-version`: group and version, or a version of `getambassador.io`.
    pub ambassador_version: String,
    /// `--traefik-api-group`.
    pub traefik_group: String,
    /// `--traefik-api-version`: only what follows `/` counts.
    pub traefik_version: String,
    /// `--appmesh-crd-version`: version of `appmesh.k8s.aws`.
    pub app_mesh_version: String,
    /// `--ingress-api-version`.
    pub ingress_api: IngressApi,
    /// `--aws-verify-target-group`: whether AWS is asked if it has what the load balancer's Ingress says.
    pub aws_verify_target_group: bool,
    /// `--aws-target-group-binding-api-version`: group and version.
    pub target_group_binding_version: String,
    /// `--alb-tag-key-resource-id`: tag that names the Ingress and Service of a target group.
    pub alb_tag_key: String,
}

/// The API that Ingresses are read and written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IngressApi {
    /// `networking.k8s.io/v1`.
    #[default]
    NetworkingV1,
    /// `extensions/v1beta1`, for servers older than 1.19.
    ExtensionsV1beta1,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            istio_version: "v1alpha3".to_owned(),
            traffic_split_version: "v1alpha1".to_owned(),
            ambassador_version: "getambassador.io/v2".to_owned(),
            traefik_group: "traefik.io".to_owned(),
            traefik_version: "traefik.io/v1alpha1".to_owned(),
            app_mesh_version: "v1beta2".to_owned(),
            ingress_api: IngressApi::default(),
            aws_verify_target_group: false,
            target_group_binding_version: "elbv2.k8s.aws/v1beta1".to_owned(),
            alb_tag_key: "ingress.k8s.aws/resource".to_owned(),
        }
    }
}
