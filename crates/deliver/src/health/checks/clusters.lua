-- Clusters, nodes and what is placed on them.

checks["cluster.x-k8s.io/Cluster"] = function()
    if obj.spec.paused then return suspended("Cluster is paused") end
    for _, found in ipairs(conditions()) do
        if found.type == "Ready" and found.status == "False" and found.severity ~= "Info" then
            return degraded(found.message)
        end
    end
    local phase = obj.status and obj.status.phase
    if phase == "Provisioned" then return healthy("Cluster is running") end
    if phase == "Failed" then return degraded("") end
    return progressing("Waiting for clusters")
end

checks["cluster.x-k8s.io/Machine"] = function()
    local phase = obj.status and obj.status.phase
    if phase == "Running" then return healthy("Machine is running") end
    local failed = condition("Ready", "False")
    local message = failed and failed.message or "Condition is unknown"
    if failed then message = failed.message end
    return phase == "Failed" and degraded(message) or progressing(message)
end

local phases = by_state("phase", {
    Running = { "Healthy", "Machines are running under this deployment" },
    ScalingUp = { "Progressing", "Cluster is spawning machines" },
    ScalingDown = { "Progressing", "Cluster is stopping machines" },
    Failed = { "Degraded", "MachineDeployment is failed" },
}, progressing("Waiting for machines"))
checks["cluster.x-k8s.io/MachineDeployment"] = function()
    if obj.spec.paused then return suspended("MachineDeployment is paused") end
    return phases()
end

checks["cluster.x-k8s.io/MachineHealthCheck"] = function()
    local status = obj.status
    if status == nil or status.currentHealthy == nil then return progressing("") end
    return status.expectedMachines == status.currentHealthy and healthy("") or degraded("")
end

checks["cluster.x-k8s.io/MachinePool"] = function()
    local phase = obj.status and obj.status.phase
    local by_phase = { Running = healthy, Scaling = healthy, Failed = degraded, Unknown = degraded }
    local message = phase and "MachinePool is " .. phase or ""
    local missing_parts = {}
    for _, found in ipairs(conditions()) do
        if found.type ~= nil and found.status == "False" then
            local reason = found.reason and " (" .. found.reason .. ")" or ""
            table.insert(missing_parts, "Not " .. found.type .. reason)
        end
    end
    if #missing_parts > 0 then message = message .. ": " .. table.concat(missing_parts, ", ") end
    return (by_phase[phase] or progressing)(message)
end

checks["addons.cluster.x-k8s.io/ClusterResourceSet"] = by_conditions({
    { "ResourcesApplied", "True", "Healthy", "cluster resource set is applied" },
    { "ResourcesApplied", "False", "Degraded" },
}, progressing("Initializing cluster resource set"))

checks["controlplane.cluster.x-k8s.io/AWSManagedControlPlane"] = function()
    local status = obj.status
    if status == nil then return progressing("Provisioning...") end
    if not is_observed() then return progressing("Waiting for the control plane spec to be reconciled") end
    if status.failureMessage ~= nil and status.failureMessage ~= "" then return degraded(status.failureMessage) end
    if status.conditions == nil then return progressing("Provisioning...") end
    if condition("EKSControlPlaneUpdating", "True") then return progressing("EKS control plane is updating") end
    local errors = ""
    for _, found in ipairs(status.conditions) do
        if found.type == "Ready" and found.status == "True" then return healthy("Control plane is ready") end
        if found.status == "False" and found.severity == "Error" then errors = errors .. found.message .. " " end
    end
    if errors ~= "" then return degraded(errors) end
    local detail = status.ready == false and " (.status.ready is false)" or ""
    return progressing("Control plane is not ready" .. detail)
end

checks["karpenter.k8s.aws/EC2NodeClass"] = by_conditions({
    { "Ready", "False", "Degraded" },
    { "Ready", "True", "Healthy", "EC2NodeClass is ready" },
}, progressing("Waiting for EC2NodeClass to be ready"))
checks["karpenter.sh/NodePool"] = by_ready("Waiting for NodePool to be ready")

checks["karpenter.sh/NodeClaim"] = function()
    if not is_observed() then return progressing("Waiting for NodeClaim spec to be reconciled") end
    local disrupting = condition("Disrupting", "True")
    if disrupting then return suspended(disrupting.message) end
    for _, found in ipairs(conditions()) do
        if found.type == "Ready" and found.status == "True" then return healthy(found.message) end
        if found.type == "Ready" and found.status == "False" then return degraded(found.message) end
    end
    if condition("Initialized", "True") then return progressing("Node initialized, waiting for Ready") end
    if condition("Registered", "True") then return progressing("Node registered, waiting for initialization") end
    if condition("Launched", "True") then return progressing("Node launched, waiting for registration") end
    return progressing("Waiting for NodeClaim to be launched")
end

local insufficient = progressing("Current resource status is insufficient")
local function placed()
    for _, status in ipairs(obj.status.aggregatedStatus) do
        local failed = status.health == "Unknown" and status.applied ~= true
        if status.health == "Unhealthy" or failed then return degraded("Current resource status is unhealthy") end
    end
    return healthy()
end

checks["work.karmada.io/ClusterResourceBinding"] = function()
    local wanted = obj.spec.clusters
    if obj.status == nil or wanted == nil or #wanted == 0 then return insufficient end
    local reported = obj.status.aggregatedStatus
    if reported == nil or #wanted ~= #reported then return insufficient end
    return placed()
end

checks["work.karmada.io/ResourceBinding"] = function()
    local wanted = obj.spec.clusters
    if obj.status == nil or wanted ~= nil and #wanted == 0 then return insufficient end
    local reported = obj.status.aggregatedStatus
    if reported == nil or #reported == 0 or wanted ~= nil and #wanted ~= #reported then return insufficient end
    return placed()
end

-- Virtual machines

checks["kubevirt.io/VirtualMachine"] = function()
    local status = obj.status
    if status == nil then return progressing("No status available") end
    local result = progressing("No status available")
    for _, found in ipairs(status.conditions or {}) do
        if found.type == "Paused" and found.status == "True" then return suspended("Paused") end
        if found.type == "Ready" then
            if found.status == "True" then
                result = healthy("Running")
            elseif status.created then
                result.message = "Starting"
            else
                result = suspended("Stopped")
            end
        end
    end
    result.message = status.printableStatus or result.message
    return result
end

checks["kubevirt.io/VirtualMachineInstance"] = function()
    local status = obj.status
    if status == nil then return progressing("No status available") end
    local phase = status.phase
    local final = {
        Failed = degraded, Pending = progressing, Scheduling = progressing, Scheduled = progressing,
        Succeeded = suspended, Unknown = unknown,
    }
    if final[phase] then return final[phase](phase) end
    local result = progressing(phase or "No status available")
    for _, found in ipairs(status.conditions or {}) do
        if found.type == "Ready" then
            result = found.status == "True" and healthy("Running") or degraded(found.message)
        elseif found.type == "Paused" and found.status == "True" then
            return suspended(found.message)
        end
    end
    return result
end

checks["cdi.kubevirt.io/DataVolume"] = function()
    local status = obj.status or {}
    local phase = status.phase
    if phase == "Succeeded" then return healthy(phase) end
    if phase == "Paused" then return suspended(phase) end
    for _, found in ipairs(status.conditions or {}) do
        if found.type == "Running" and found.status == "False" and found.reason == "Error" then
            return degraded(found.message)
        end
    end
    if phase == "Failed" or phase == "Unknown" then return degraded(phase) end
    return progressing(phase or "No status available")
end
