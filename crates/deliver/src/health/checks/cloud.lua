-- What operators make in clouds.

local settled = "Resource is up-to-date."

-- Kinds of the newer Crossplane providers. Some have no status at all; `types` are the conditions that mean ready.
local function managed(stateless, types)
    return function()
        local status = obj.status
        local is_empty = status == nil or next(status) == nil
        if status == nil or is_empty and stateless[obj.kind] then return healthy(settled) end
        if is_empty or status.conditions == nil then
            local is_config = obj.kind == "ProviderConfig" or obj.kind == "ClusterProviderConfig"
            if is_config and status.users ~= nil then return healthy("Resource is in use.") end
            return progressing("Provisioning ...")
        end
        local result = progressing("Provisioning ...")
        for _, found in ipairs(status.conditions) do
            local must_hold = found.type == "LastAsyncOperation" or found.type == "Synced"
            if must_hold and found.status == "False" then return degraded(found.message) end
            if types[found.type] and found.status == "True" then result = healthy(settled) end
        end
        return result
    end
end

local function set(...)
    local out = {}
    for _, name in ipairs({ ... }) do out[name] = true end
    return out
end

checks["*.crossplane.io/*"] = managed(
    set("Composition", "CompositionRevision", "DeploymentRuntimeConfig", "ClusterProviderConfig", "ProviderConfig",
        "ProviderConfigUsage", "ControllerConfig"),
    set("Ready", "Healthy", "Offered", "Established", "ValidPipeline", "RevisionHealthy"))
checks["*.upbound.io/*"] = managed(set("ClusterProviderConfig", "ProviderConfig", "ProviderConfigUsage"), set("Ready"))

-- Kinds of the older AWS provider: conditions `Ready` and `Synced`.
local function aws(what)
    return function()
        if obj.status == nil or obj.status.conditions == nil then
            return progressing("Waiting for " .. what .. " to be created")
        end
        local ready, synced, paused = false, false, false
        local ready_reason, sync_error, pause_reason
        for _, found in ipairs(obj.status.conditions) do
            if found.type == "Ready" then
                ready, ready_reason = found.status == "True", found.reason
            elseif found.type == "Synced" then
                synced = found.status == "True"
                if found.reason == "ReconcileError" then
                    sync_error = found.message
                elseif found.reason == "ReconcilePaused" then
                    paused, pause_reason = true, found.reason
                end
            end
        end
        if ready and synced then return healthy(ready_reason) end
        if not synced and paused then return suspended(pause_reason) end
        if not ready and synced and not paused then
            return progressing("Waiting for " .. what .. " to be available")
        end
        return degraded(sync_error)
    end
end

checks["cloudfront.aws.crossplane.io/Distribution"] = aws("distribution")
checks["iam.aws.crossplane.io/Policy"] = aws("Policy")
checks["iam.aws.crossplane.io/Role"] = aws("Role")
checks["iam.aws.crossplane.io/RolePolicyAttachment"] = aws("RolePolicyAttachment")
checks["rds.aws.crossplane.io/DBCluster"] = aws("DBCluster")
checks["rds.aws.crossplane.io/DBInstance"] = aws("DBInstance")
checks["route53.aws.crossplane.io/ResourceRecordSet"] = aws("resourcrecordset")
checks["s3.aws.crossplane.io/Bucket"] = aws("Bucket")

checks["pkg.crossplane.io/Provider"] = function()
    if obj.status == nil or obj.status.conditions == nil then
        return progressing("Waiting for provider to be installed")
    end
    local last = {}
    for _, found in ipairs(obj.status.conditions) do last[found.type] = found end
    local installed, well = last.Installed or {}, last.Healthy or {}
    local message = installed.reason .. " " .. well.reason
    return installed.status == "True" and well.status == "True" and healthy(message) or degraded(message)
end

checks["stacks.crossplane.io/ClusterStackInstall"] = function()
    local result = progressing("Waiting for stack to be installed")
    for _, found in ipairs(((obj.status or {}).conditionedStatus or {}).conditions or {}) do
        if found.type == "Ready" then
            result = progressing(found.reason)
            if found.status == "True" then return healthy(found.reason) end
        end
    end
    return result
end

checks["*.cnrm.cloud.google.com/*"] = function()
    local status = obj.status
    local waiting = progressing("Update in progress")
    if status == nil then return waiting end
    local observed = status.observedGeneration == nil or status.observedGeneration == obj.metadata.generation
    if not observed then return waiting end
    local is_connector = obj.kind == "ConfigConnector" or obj.kind == "ConfigConnectorContext"
    if is_connector and status.healthy ~= nil then
        if status.healthy == true then return healthy(obj.kind .. " is healthy") end
        return degraded(obj.kind .. " is not healthy")
    end
    local by_reason = { UpdateFailed = degraded, DependencyNotFound = degraded, DependencyNotReady = suspended }
    for _, found in ipairs(conditions()) do
        if found.reason == "UpToDate" and found.status == "True" then return healthy(found.message) end
        if by_reason[found.reason] then return by_reason[found.reason](found.message) end
    end
    return waiting
end

checks["*.services.k8s.aws/*"] = by_conditions({
    { "ACK.Terminal", "True", "Degraded" },
    { "Ready", "False", "Progressing" },
    { "Ready", "True", "Healthy", "" },
}, progressing("Waiting for resource to be ready"))

each({ "services.cloud.sap.com/ServiceBinding", "services.cloud.sap.com/ServiceInstance" }, function()
    if obj.metadata.deletionTimestamp then return progressing("Resource is being deleted") end
    if obj.status == nil then return progressing("Waiting for status") end
    if type(obj.status.conditions) ~= "table" then return progressing("Waiting for status") end
    for _, found in ipairs(obj.status.conditions) do
        local seen, generation = found.observedGeneration, obj.metadata.generation
        if seen and generation and seen ~= generation then
            return progressing("Waiting for spec update to be observed")
        end
        local failed = found.type == "Succeeded" and found.status == "False"
            or found.type == "Failed" and found.status == "True"
        if failed then return degraded(found.message or "") end
    end
    return healthy("Ready to use")
end)

checks["core.gardener.cloud/Shoot"] = function()
    local state = (obj.metadata.labels or {})["shoot.gardener.cloud/status"]
    local by_label = {
        healthy = healthy("Component state: Healthy"), unhealthy = degraded("Component state: Unhealthy"),
        progressing = progressing("Component state: Update in progress"), unknown = unknown("Component state: Unknown"),
    }
    return by_label[state] or progressing("Update in progress")
end

checks["pulumi.com/Stack"] = function()
    if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
        return progressing("Waiting for the operator to observe the latest spec change")
    end
    return by_conditions({
        { "Stalled", "True", "Degraded" },
        { "Reconciling", "True", "Progressing" },
        { "Ready", "True", "Healthy" },
    }, progressing("Waiting for the stack to be reconciled"))()
end

local function job_result(health)
    return function() return health(obj.status.ansibleJobResult.status .. " job - " .. obj.status.ansibleJobResult.url) end
end
local job_results = {}
for _, state in ipairs({ "failed", "error", "canceled" }) do job_results[state] = job_result(degraded) end
for _, state in ipairs({ "new", "pending", "waiting", "running" }) do job_results[state] = job_result(progressing) end
job_results.successful = job_result(healthy)
checks["tower.ansible.com/AnsibleJob"] = function()
    local result = job_results[((obj.status or {}).ansibleJobResult or {}).status]
    return result and result() or progressing("Waiting for AnsibleJob")
end
