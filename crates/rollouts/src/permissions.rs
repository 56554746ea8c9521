//! What the controller asks of the API, as RBAC names it: the whole list, next to the code that does it.
//!
//! A test runs the controller and compares: every request is allowed by one of the lists, and every verb of [`controller`] and
//! of [`experiments`] but `get` is used.

/// What may be done with some resources of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// API group; empty for the first one.
    pub group: &'static str,
    /// Plurals, with subresources: `pods/eviction`.
    pub resources: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// What for.
    pub why: &'static str,
}

const fn may(
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    why: &'static str,
) -> Permission {
    Permission { group, resources, verbs, why }
}

/// Returns what the controller always needs.
#[must_use]
pub fn controller() -> &'static [Permission] {
    const ALL: &[Permission] = &[
        may("argoproj.io", &["rollouts"], &["get", "list", "patch", "watch"], "the Rollouts themselves"),
        may("argoproj.io", &["rollouts/status"], &["patch"], "their status"),
        may(
            "argoproj.io",
            &["analysisruns", "analysistemplates", "clusteranalysistemplates", "experiments"],
            &["list", "watch"],
            "metrics, and Experiments that are looked after",
        ),
        may("apps", &["replicasets"], &["create", "delete", "list", "patch", "watch"], "one for each version"),
        may("apps", &["controllerrevisions"], &["create", "delete", "get"], "the stable template during an update"),
        may("apps", &["deployments"], &["list", "patch", "watch"], "templates of workloadRef, and their scale-down"),
        may("", &["podtemplates"], &["list", "watch"], "templates of workloadRef"),
        may("", &["services"], &["list", "patch", "watch"], "which version a Service selects"),
        may("", &["pods"], &["list", "patch", "watch"], "availability, and metadata by role"),
        may("", &["pods/eviction"], &["create"], "restarts"),
        may("policy", &["poddisruptionbudgets"], &["list", "watch"], "restarts"),
        may("", &["events"], &["create", "patch"], "what happened"),
        may("coordination.k8s.io", &["leases"], &["create", "get", "update"], "one controller works at a time"),
    ];
    ALL
}

/// Returns what analyses need: asked for once some Rollout has one, or an AnalysisRun exists.
#[must_use]
pub fn analyses() -> &'static [Permission] {
    const ALL: &[Permission] = &[
        may(
            "argoproj.io",
            &["analysisruns"],
            &["create", "delete", "list", "patch", "watch"],
            "releases that are judged",
        ),
        may("argoproj.io", &["analysistemplates", "clusteranalysistemplates"], &["list", "watch"], "what is measured"),
        may("batch", &["jobs"], &["create", "delete", "get", "list", "watch"], "measurements by Jobs"),
        may("", &["secrets"], &["get"], "arguments and credentials of measurements"),
    ];
    ALL
}

/// Returns what Experiments need: asked for once there is one, or a step of a Rollout that is one.
#[must_use]
pub fn experiments() -> &'static [Permission] {
    const ALL: &[Permission] = &[
        may(
            "argoproj.io",
            &["experiments"],
            &["create", "delete", "patch"],
            "steps that are Experiments, and their status",
        ),
        may("argoproj.io", &["analysisruns"], &["create", "get", "patch"], "Experiments that are judged"),
        may("apps", &["replicasets"], &["create", "get", "patch"], "one for each template of an Experiment"),
        may("", &["services"], &["create", "delete", "get"], "templates of Experiments that get requests"),
    ];
    ALL
}

/// Returns what the routers need: each only in clusters that have it.
#[must_use]
pub fn routers() -> &'static [Permission] {
    const READ_AND_PATCH: &[&str] = &["list", "patch", "watch"];
    const MAKE_TOO: &[&str] = &["create", "delete", "list", "patch", "watch"];
    const ALL: &[Permission] = &[
        may("networking.k8s.io", &["ingresses"], MAKE_TOO, "ingress-nginx and AWS load balancers"),
        may("extensions", &["ingresses"], MAKE_TOO, "the same in old clusters"),
        may("networking.istio.io", &["destinationrules", "virtualservices"], READ_AND_PATCH, "Istio"),
        may(
            "gateway.networking.k8s.io",
            &["grpcroutes", "httproutes", "tcproutes", "tlsroutes"],
            READ_AND_PATCH,
            "Gateway API",
        ),
        may("split.smi-spec.io", &["trafficsplits"], MAKE_TOO, "SMI"),
        may("getambassador.io", &["ambassadormappings", "mappings"], MAKE_TOO, "Ambassador"),
        may("x.getambassador.io", &["ambassadormappings", "mappings"], MAKE_TOO, "Ambassador"),
        may("appmesh.k8s.aws", &["virtualnodes", "virtualrouters", "virtualservices"], READ_AND_PATCH, "App Mesh"),
        may("traefik.io", &["traefikservices"], READ_AND_PATCH, "Traefik"),
        may("traefik.containo.us", &["traefikservices"], READ_AND_PATCH, "Traefik"),
        may("apisix.apache.org", &["apisixroutes"], MAKE_TOO, "APISIX"),
        may("", &["configmaps"], &["get"], "plugins: argo-rollouts-config"),
        may("elbv2.k8s.aws", &["targetgroupbindings"], READ_AND_PATCH, "AWS load balancers"),
    ];
    ALL
}
