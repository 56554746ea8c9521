-- Metrics, logs, traces and tests.

checks["monitoring.coreos.com/Prometheus"] = function()
    local result = progressing("Waiting for initialization")
    for _, found in ipairs(conditions()) do
        if found.type == "Available" then
            if found.status == "True" then
                result = healthy("All instances are available")
            else
                local waits = found.reason == "SomePodsNotReady"
                result = (waits and progressing or degraded)(found.message or found.reason)
            end
        end
    end
    return result
end

checks["opentelemetry.io/OpenTelemetryCollector"] = function()
    if obj.status == nil then return progressing("Waiting for OpenTelemetry Collector status") end
    local replicas = obj.status.scale and obj.status.scale.statusReplicas
    if replicas == nil then
        if obj.spec.mode == "sidecar" then return healthy("Collector is running in sidecar mode") end
        return progressing("Scale status not available")
    end
    local ready, total = string.match(replicas, "(%d+)/(%d+)")
    if ready == nil then return progressing("Unable to parse replica status: " .. tostring(replicas)) end
    ready, total = tonumber(ready), tonumber(total)
    if ready == 0 then
        local needs_none = obj.spec ~= nil and obj.spec.mode == "daemonset" and total == 0
        return needs_none and healthy("DaemonSet has no eligible nodes (0/0)") or degraded("No replicas are ready")
    end
    return ready == total and healthy("All replicas are ready") or progressing("Replicas are starting up")
end

checks["operator.victoriametrics.com/*"] = function()
    local waiting = progressing("Waiting for the operator to reconcile")
    if obj.status == nil or not is_observed() then return waiting end
    local reason = obj.status.reason or ""
    local function because(default) return reason ~= "" and reason or default end
    local state = obj.status.updateStatus
    if state == "operational" then return healthy("All components are operational") end
    if state == "expanding" then return progressing(because("Reconciliation in progress")) end
    if state == "paused" then return suspended(because("Reconciliation is paused")) end
    if state == "failed" then return degraded(because("Reconciliation failed")) end
    return progressing("Waiting for the operator to report status")
end

checks["grafana.integreatly.org/Grafana"] = function()
    local status = obj.status or {}
    if status.stageStatus == nil then return progressing("Waiting for Grafana status info") end
    if status.stageStatus == "failed" then return degraded("Failed at stage " .. status.stage) end
    if status.stage == "complete" and status.stageStatus == "success" then return healthy("") end
    return progressing(status.stage)
end

each({ "grafana.integreatly.org/GrafanaDashboard", "grafana.integreatly.org/GrafanaFolder" }, function()
    local result, message = progressing, ""
    for _, found in ipairs(conditions()) do
        if found.status ~= nil then
            if message ~= "" then message = message .. ", " end
            if found.reason ~= nil then
                message = message .. found.reason
                if found.type ~= nil then
                    message = message .. " for " .. found.type
                    if found.message ~= nil then message = message .. " because " .. found.message end
                end
            end
            if found.status == "False" then return degraded(message) end
            if found.status == "True" then result = healthy end
        end
    end
    return result(message)
end)

checks["grafana.integreatly.org/GrafanaDatasource"] = function()
    if obj.status == nil or obj.status.uid == "" then return progressing("") end
    if obj.status.NoMatchingInstances then return degraded("can't find matching grafana instance") end
    return healthy("")
end

checks["grafana-org-operator.kubitus-project.gitlab.io/*"] = by_conditions({
    { "Ready", "False", "Degraded" },
    { "Ready", "True", "Healthy" },
    { "Ready", false, "Progressing" },
}, progressing("Waiting ..."))

checks["jaegertracing.io/Jaeger"] = by_state("phase", {
    Running = { "Healthy", "Jaeger is Running" },
    Failed = { "Degraded", "Jaeger Failed For Some Reason" },
}, progressing("Waiting for Jaeger"))

checks["datadoghq.com/DatadogMetric"] = function()
    local failed, invalid = condition("Error", "True"), condition("Valid", "False")
    if failed then
        local message = failed.message or "DatadogMetric reported an error"
        local reason = failed.reason or ""
        return degraded(reason ~= "" and reason .. ": " .. message or message)
    end
    if invalid then return degraded(invalid.message or "DatadogMetric is not valid") end
    return healthy("DatadogMetric is healthy")
end

each({ "coralogix.com/Alert", "coralogix.com/RecordingRuleGroupSet" }, by_conditions({
    { "RemoteSynced", "True", "Healthy", "Resource is ready" },
    { "RemoteSynced", "False", "Degraded" },
}, progressing("Waiting for status to be updated")))

each({
    "core.humio.com/HumioAction", "core.humio.com/HumioAlert", "core.humio.com/HumioIngestToken",
    "core.humio.com/HumioParser", "core.humio.com/HumioRepository", "core.humio.com/HumioView",
}, by_state("state", {
    Exists = { "Healthy", "Component state: Exists." },
    NotFound = { "Missing", "Component state: NotFound." },
    ConfigError = { "Degraded", "Component state: ConfigError." },
    Unknown = { "Unknown", "Component state: Unknown." },
}, progressing("Update in progress")))

local humio = by_state("state", {
    Running = { "Healthy", "Cluster is in a healthy running state" },
    Restarting = { "Progressing", "Cluster pods are being restarted" },
    Upgrading = { "Progressing", "Cluster pods are being upgraded" },
    ConfigError = { "Degraded", "User-provided cluster specification resulted in a configuration error" },
    Pending = { "Progressing", "Cluster is waiting on resources to be provisioned" },
    Unknown = { "Unknown", "Component state: Unknown." },
})
checks["core.humio.com/HumioCluster"] = function()
    local result = humio()
    if result and obj.status.message ~= nil then result.message = obj.status.message end
    return result or progressing("Update in progress")
end

local function keptn(kind, field)
    return function()
        local state = obj.status[field]
        if state == "Succeeded" then return healthy(kind .. " is healthy") end
        if state == "Failed" then return degraded(kind .. " is degraded") end
        return progressing(kind .. " is progressing")
    end
end
for _, kind in ipairs({ "KeptnAppVersion", "KeptnTask", "KeptnWorkloadInstance", "KeptnWorkloadVersion" }) do
    checks["lifecycle.keptn.sh/" .. kind] = keptn(kind, "status")
end
checks["lifecycle.keptn.sh/KeptnEvaluation"] = keptn("KeptnEvaluation", "overallStatus")

checks["metrics.keptn.sh/Analysis"] = function()
    if obj.status.pass == true then return healthy("Analysis is healthy") end
    if obj.status.warning == true then return healthy("Analysis is healthy with warnings") end
    if obj.status.pass == false then return degraded("Analysis is degraded") end
    return progressing("Analysis is progressing")
end

checks["metrics.keptn.sh/KeptnMetric"] = function()
    local failed = obj.status.errMsg ~= nil and obj.status.errMsg ~= ""
    if failed then return degraded("KeptnMetric is degraded") end
    if obj.status.value ~= nil then return healthy("KeptnMetric is healthy") end
    return progressing("KeptnMetric is progressing")
end
