//! Metrics and the providers that measure them.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::JobSpec;
use serde_json::Value;

use super::{IntOrString, ObjectMeta, api_types};

api_types! {
    /// One thing to measure.
    Metric {
        /// Name, unique in the run.
        name!: String,
        /// Duration between measurements.
        interval: String,
        /// Duration before the first measurement.
        initial_delay: String,
        /// Number of measurements; absent: one, or no end if there is an interval.
        count: Option<IntOrString>,
        /// Expression that makes a measurement successful.
        success_condition: String,
        /// Expression that makes a measurement failed.
        failure_condition: String,
        /// Failed measurements that are tolerated; -1: any number.
        failure_limit: Option<IntOrString>,
        /// Inconclusive measurements that are tolerated.
        inconclusive_limit: Option<IntOrString>,
        /// Errors in a row that are tolerated.
        consecutive_error_limit: Option<IntOrString>,
        /// Who measures.
        provider!: MetricProvider,
        /// Successes in a row that are enough; 0: off.
        consecutive_success_limit: Option<IntOrString>,
    }

    /// Who measures: exactly one field is set.
    MetricProvider {
        /// Prometheus.
        prometheus: Option<PrometheusMetric>,
        /// Kayenta.
        kayenta: Option<KayentaMetric>,
        /// Any HTTP endpoint.
        web: Option<WebMetric>,
        /// Datadog.
        datadog: Option<DatadogMetric>,
        /// Wavefront.
        wavefront: Option<WavefrontMetric>,
        /// New Relic.
        new_relic: Option<NewRelicMetric>,
        /// A Kubernetes Job.
        job: Option<JobMetric>,
        /// Amazon CloudWatch.
        cloud_watch: Option<CloudWatchMetric>,
        /// Graphite.
        graphite: Option<GraphiteMetric>,
        /// InfluxDB.
        influxdb: Option<InfluxdbMetric>,
        /// Apache SkyWalking.
        skywalking: Option<SkyWalkingMetric>,
        /// Plugins by name, each with its configuration.
        plugin: BTreeMap<String, Value>,
    }

    /// Prometheus.
    PrometheusMetric {
        /// URL.
        address: String,
        /// PromQL.
        query: String,
        /// How to log in.
        authentication: Authentication,
        /// Seconds.
        timeout: Option<i64>,
        /// Whether certificates go unchecked.
        insecure: bool,
        /// Headers of every request.
        headers: Vec<WebMetricHeader>,
        /// Asks for a range instead of a moment.
        range_query: Option<PrometheusRangeQueryArgs>,
    }

    /// A range of time.
    PrometheusRangeQueryArgs {
        /// Expression for the start.
        start: String,
        /// Expression for the end.
        end: String,
        /// Duration between points.
        step: String,
    }

    /// How to log in.
    Authentication {
        /// Amazon request signing.
        sigv4: Sigv4Config,
        /// Client credentials.
        oauth2: OAuth2Config,
        /// User and password.
        basic_auth: BasicAuthConfig,
    }

    /// Amazon request signing.
    Sigv4Config {
        /// Region.
        region: String,
        /// Profile.
        profile: String,
        /// Role to assume.
        role_arn: String,
    }

    /// OAuth2 client credentials.
    OAuth2Config {
        /// Where tokens come from.
        token_url: String,
        /// Client.
        client_id: String,
        /// Its secret.
        client_secret: String,
        /// Scopes.
        scopes: Vec<String>,
    }

    /// User and password.
    BasicAuthConfig {
        /// User.
        username: String,
        /// Password.
        password: String,
    }

    /// Any HTTP endpoint.
    WebMetric {
        /// `GET`, `POST` or `PUT`.
        method: String,
        /// URL.
        url!: String,
        /// Headers.
        headers: Vec<WebMetricHeader>,
        /// Body as text.
        body: String,
        /// Seconds for the whole request; 10 unless set.
        timeout_seconds: i64,
        /// Where the value is in the answer, in Kubernetes' JSONPath.
        json_path: String,
        /// Whether certificates go unchecked.
        insecure: bool,
        /// Body as JSON.
        json_body: Option<Value>,
        /// How to log in.
        authentication: Authentication,
    }

    /// A header.
    WebMetricHeader {
        /// Name.
        key!: String,
        /// Value.
        value!: String,
    }

    /// Datadog.
    DatadogMetric {
        /// Window of the query, a duration.
        interval: String,
        /// One query.
        query: String,
        /// Several queries by name.
        queries: BTreeMap<String, String>,
        /// Combines several queries.
        formula: String,
        /// `v1` or `v2`.
        api_version: String,
        /// How points become one value.
        aggregator: String,
        /// Where the credentials are.
        secret_ref: SecretRef,
        /// Duration for the whole request.
        request_timeout: String,
    }

    /// A Secret.
    SecretRef {
        /// Its name.
        name: String,
        /// Whether it is in the run's namespace instead of the controller's.
        namespaced: bool,
    }

    /// Wavefront.
    WavefrontMetric {
        /// Host.
        address: String,
        /// Query.
        query: String,
    }

    /// New Relic.
    NewRelicMetric {
        /// Name of the Secret with the credentials.
        profile: String,
        /// NRQL.
        query!: String,
        /// Seconds.
        timeout: Option<i64>,
    }

    /// A Kubernetes Job.
    JobMetric {
        /// Labels and annotations of the Job.
        metadata: ObjectMeta,
        /// The Job.
        spec!: JobSpec,
    }

    /// Graphite.
    GraphiteMetric {
        /// URL.
        address: String,
        /// Query.
        query: String,
    }

    /// InfluxDB.
    InfluxdbMetric {
        /// Name of the Secret with the credentials.
        profile: String,
        /// Flux.
        query: String,
    }

    /// Apache SkyWalking.
    SkyWalkingMetric {
        /// URL.
        address: String,
        /// GraphQL.
        query: String,
        /// Window of the query, a duration.
        interval: String,
    }

    /// Amazon CloudWatch.
    CloudWatchMetric {
        /// Window of the query, a duration.
        interval: String,
        /// The queries.
        metric_data_queries!: Vec<CloudWatchMetricDataQuery>,
    }

    /// One query.
    CloudWatchMetricDataQuery {
        /// Its id.
        id: String,
        /// Expression over other queries.
        expression: Option<String>,
        /// Label.
        label: Option<String>,
        /// The metric.
        metric_stat: Option<CloudWatchMetricStat>,
        /// Seconds between points.
        period: Option<IntOrString>,
        /// Whether the result is returned.
        return_data: Option<bool>,
    }

    /// A metric with its statistic.
    CloudWatchMetricStat {
        /// The metric.
        metric: CloudWatchMetricStatMetric,
        /// Seconds between points.
        period: IntOrString,
        /// Statistic.
        stat: String,
        /// Unit.
        unit: String,
    }

    /// A metric.
    CloudWatchMetricStatMetric {
        /// Dimensions.
        dimensions: Vec<CloudWatchMetricStatMetricDimension>,
        /// Name.
        metric_name: String,
        /// Namespace.
        namespace: Option<String>,
    }

    /// A dimension.
    CloudWatchMetricStatMetricDimension {
        /// Name.
        name: String,
        /// Value.
        value: String,
    }

    /// Kayenta.
    KayentaMetric {
        /// URL.
        address!: String,
        /// Application.
        application!: String,
        /// Name of the canary configuration.
        canary_config_name!: String,
        /// Account of the metrics.
        metrics_account_name!: String,
        /// Account of the configuration.
        configuration_account_name!: String,
        /// Account of the storage.
        storage_account_name!: String,
        /// Scores.
        threshold!: KayentaThreshold,
        /// Scopes.
        scopes!: Vec<KayentaScope>,
        /// Whether the window starts with the run.
        lookback: bool,
    }

    /// Scores.
    KayentaThreshold {
        /// Least score of success.
        pass!: i64,
        /// Least score that is no failure.
        marginal!: i64,
    }

    /// What is compared.
    KayentaScope {
        /// Name.
        name!: String,
        /// Baseline.
        control_scope!: ScopeDetail,
        /// Canary.
        experiment_scope!: ScopeDetail,
    }

    /// One side of a comparison.
    ScopeDetail {
        /// Scope.
        scope!: String,
        /// Region.
        region!: String,
        /// Seconds between points.
        step!: i64,
        /// Start, RFC 3339.
        start: String,
        /// End, RFC 3339.
        end: String,
    }
}
