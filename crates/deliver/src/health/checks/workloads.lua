-- What runs programs: Kruise, Knative, Spark and others.

local function observed() return obj.metadata.generation == obj.status.observedGeneration end

checks["apps.kruise.io/AdvancedCronJob"] = function()
    local status = obj.status
    if status.lastScheduleTime == nil and obj.spec.paused == true then return suspended("AdvancedCronJob is Paused") end
    if status.active ~= nil and #status.active > 0 then return progressing("AdvancedCronJobs has active jobs") end
    if status.lastScheduleTime == nil then return degraded("AdvancedCronJobs has not run successfully") end
    return healthy("AdvancedCronJobs has run successfully")
end

checks["apps.kruise.io/BroadcastJob"] = function()
    local status = obj.status
    local running = progressing("BroadcastJob is still running")
    if status == nil then return running end
    if status.desired == status.succeeded and status.phase == "completed" then
        return healthy("BroadcastJob is completed successfully")
    end
    if status.failed ~= 0 and status.phase == "failed" then return degraded("BroadcastJob failed") end
    if status.phase == "paused" and obj.spec.paused == true then return suspended("BroadcastJob is Paused") end
    return running
end

local initializing = progressing("Waiting for initialization")

-- Kruise's sets: `strategy` has `paused` and `partition`, `reached` tells whether the partition is updated.
local function kruise(name, strategy, reached)
    return function()
        local status = obj.status
        if status == nil or not observed() then return initializing end
        local rolling = strategy()
        if rolling.paused == true or not status.updatedAvailableReplicas then return suspended(name .. " is paused") end
        if rolling.partition ~= 0 and obj.metadata.generation > 1 then
            return reached(rolling) and suspended(name .. " needs manual intervention") or initializing
        end
        if status.updatedAvailableReplicas == status.replicas then
            return healthy("All " .. name .. " workloads are ready and updated")
        end
        return degraded("Some replicas are not ready or available")
    end
end
checks["apps.kruise.io/CloneSet"] = kruise("Cloneset",
    function() return obj.spec.updateStrategy end,
    function() return obj.status.updatedReplicas >= obj.status.expectedUpdatedReplicas end)
checks["apps.kruise.io/StatefulSet"] = kruise("Statefulset",
    function() return obj.spec.updateStrategy.rollingUpdate end,
    function(rolling) return obj.status.updatedReplicas > obj.status.replicas - rolling.partition end)

checks["apps.kruise.io/DaemonSet"] = function()
    local status = obj.status
    if status == nil or not observed() then return initializing end
    local rolling = obj.spec.updateStrategy.rollingUpdate
    local updated, wanted = status.updatedNumberScheduled, status.desiredNumberScheduled
    if rolling.paused == true or not updated then return suspended("Daemonset is paused") end
    if rolling.partition ~= nil and rolling.partition ~= 0 and obj.metadata.generation > 1 then
        local reached = updated > wanted - rolling.partition
        return reached and suspended("Daemonset needs manual intervention") or initializing
    end
    if updated ~= wanted then return initializing end
    if status.numberAvailable == wanted then return healthy("All Daemonset workloads are ready and updated") end
    return status.numberUnavailable == wanted and degraded("Some pods are not ready or available") or initializing
end

checks["rollouts.kruise.io/Rollout"] = function()
    local going = progressing("Rollout is still progressing")
    if not observed() then return going end
    local step, phase = obj.status.canaryStatus.currentStepState, obj.status.phase
    if step == "StepPaused" and phase == "Progressing" then
        return suspended("Rollout is Paused need manual intervention")
    end
    if step == "Completed" and phase == "Healthy" then return healthy("Rollout is Completed") end
    if step == "StepPaused" and (phase == "Terminating" or phase == "Disabled") then
        return degraded("Rollout is Disabled or Terminating")
    end
    return going
end

checks["game.kruise.io/GameServer"] = function()
    local status = obj.status
    if not status then return unknown("Waiting for GameServer to be ready") end
    local current, wanted = status.currentState, status.desiredState
    if current ~= wanted then
        return progressing("State change: " .. (current or "Unknown") .. " → " .. (wanted or "Unknown"))
    end
    for _, found in ipairs((status.podStatus or {}).conditions or {}) do
        if found.type == "KruisePodReady" and found.status ~= "True" then
            return degraded("Pod is not ready: " .. found.type)
        end
    end
    if current == "Ready" then return healthy("GameServer is Ready") end
    return unknown("Waiting for GameServer to be ready")
end

checks["game.kruise.io/GameServerSet"] = function()
    local waiting = progressing("Waiting for GameServerSet initialization")
    if not obj.status or not observed() then return waiting end
    local rolling = obj.spec.updateStrategy and obj.spec.updateStrategy.rollingUpdate or {}
    if rolling.paused == true then return suspended("GameServerSet is paused") end
    local function number(field) return obj.status[field] or 0 end
    local partition, replicas = rolling.partition or 0, number("replicas")
    if partition ~= 0 and number("updatedReplicas") >= replicas - partition then
        return suspended("Partition=" .. partition .. ", waiting for manual intervention")
    end
    if number("updatedReadyReplicas") == replicas then
        return healthy("All GameServerSet replicas are updated and ready")
    end
    local ready = number("readyReplicas")
    if ready < replicas then
        return progressing("ReadyReplicas " .. ready .. "/" .. replicas .. ", still progressing")
    end
    return waiting
end

checks["apps.openshift.io/DeploymentConfig"] = function()
    local waiting = progressing("replication controller is waiting for pods to run")
    local status = obj.status or {}
    if status.conditions == nil or status.replicas == nil then return waiting end
    local good = count(function(found)
        local rolled_out = found.type == "Progressing" and found.reason == "NewReplicationControllerAvailable"
        return found.status == "True" and (found.type == "Available" or rolled_out)
    end)
    if good == 2 or status.replicas == 0 then return healthy("replication controller successfully rolled out") end
    return good == 1 and waiting or degraded("Deployment config is degraded")
end

checks["flagger.app/Canary"] = function()
    local status = obj.status
    if status == nil then return unknown("No status") end
    local parts = {}
    if tonumber(status.canaryWeight) > 0 then table.insert(parts, "Canary Weight: " .. status.canaryWeight .. " %") end
    for _, found in ipairs(status.conditions) do table.insert(parts, found.message) end
    local phases = {
        Failed = degraded, Progressing = progressing, Finalising = progressing, Promoting = progressing,
        Succeeded = healthy, Initialized = healthy,
    }
    local message = status.phase .. " --- " .. table.concat(parts, " --- ")
    return (phases[status.phase] or unknown)(message)
end

checks["spot.io/SpotDeployment"] = function()
    if obj.status == nil or obj.status.conditions == nil then return {} end
    for _, found in ipairs(obj.status.conditions) do
        local stuck = found.reason == "RolloutAborted" or found.reason == "ProgressDeadlineExceeded"
        if found.type == "InvalidSpec" or found.type == "Progressing" and stuck then return degraded(found.message) end
        if found.type == "Paused" and found.status == "True" then return suspended("Rollout is paused") end
    end
    if obj.status.phase == "Progressing" then return progressing("Waiting for rollout to finish steps") end
    return healthy("")
end

checks["core.spinkube.dev/SpinApp"] = function()
    local status = obj.status
    if not status then return progressing("Waiting for status to be available") end
    local available, why, going = false, "", nil
    for _, found in ipairs(status.conditions or {}) do
        if found.type == "Progressing" then
            local message = string.lower(found.message or "")
            local failed = found.reason == "ProgressDeadlineExceeded" or message:find("timeout") or message:find("failed")
            if found.status == "False" and failed then
                return degraded(found.message or "Application deployment has failed")
            end
            if found.status == "True" then going = found.message or "Application progress status" end
        elseif found.type == "Available" then
            available = found.status == "True"
            why = found.message or available and "Application availability status" or "Application is not available"
        end
    end
    local ready, wanted = status.readyReplicas or 0, obj.spec.replicas or 1
    if not available then return degraded(why) end
    if ready < wanted then
        return progressing(string.format("Waiting for replicas to be ready (%d/%d)", ready, wanted))
    end
    if going then return progressing(going) end
    return healthy(string.format("Application is healthy with %d/%d replicas ready", ready, wanted))
end

checks["openfaas.com/Function"] = by_conditions({
    { "Ready", "False", "Degraded" },
    { "Stalled", "True", "Degraded" },
    { "Ready", "True", "Healthy" },
}, progressing("Waiting for Function"))
local openfaas = checks["openfaas.com/Function"]
checks["openfaas.com/Function"] = function()
    local result = openfaas()
    local replicas = obj.status and obj.status.replicas or 0
    if result.status == "Healthy" and replicas <= 0 then return suspended("No replicas available") end
    return result
end

-- Knative

-- Lists the conditions, one a line.
local function listed()
    local lines = ""
    for i, found in pairs(conditions()) do
        lines = lines .. i .. ": " .. found.type .. " | " .. found.status .. "\n"
    end
    return lines
end

-- `wanted` are the conditions that must hold, `watched` those that keep it waiting while they do not.
local function knative(kind, wanted, watched)
    return function()
        if obj.status == nil or obj.status.conditions == nil then return progressing("Waiting for " .. kind) end
        local good = count(function(found) return wanted[found.type] and found.status == "True" end)
        local waiting = count(function(found)
            return found.status == "Unknown" or watched[found.type] and found.status == "False"
        end)
        if waiting > 0 then return progressing(listed()) end
        local needed = 0
        for _ in pairs(wanted) do needed = needed + 1 end
        return good == needed and healthy(kind .. " is healthy.") or degraded(listed())
    end
end
checks["operator.knative.dev/KnativeEventing"] = knative("KnativeEventing",
    { Ready = true, InstallSucceeded = true }, { Ready = true })
checks["operator.knative.dev/KnativeServing"] = knative("KnativeServing",
    { Ready = true, InstallSucceeded = true, DependenciesInstalled = true, DeploymentsAvailable = true },
    { Ready = true, DeploymentsAvailable = true })

checks["serving.knative.dev/Service"] = function()
    if obj.status == nil or obj.status.conditions == nil then return progressing("Waiting for status update.") end
    local wanted = { ConfigurationsReady = true, RoutesReady = true, Ready = true }
    local good, failed, waiting, message = 0, 0, 0, ""
    for _, found in pairs(obj.status.conditions) do
        if found.status == "True" and wanted[found.type] then
            good = good + 1
        elseif found.status == "False" or found.status == "Unknown" then
            message = message .. found.type .. " is " .. found.status
            if found.reason ~= nil and found.reason ~= "" then message = message .. ", since " .. found.reason .. "." end
            if found.message ~= nil and found.message ~= "" then message = message .. " " .. found.message end
            message = message .. "\n"
            if found.status == "False" then failed = failed + 1 else waiting = waiting + 1 end
        end
    end
    if good == 3 and failed == 0 and waiting == 0 then return healthy("Knative Service is healthy.") end
    return failed > 0 and degraded(message) or progressing(message)
end

checks["serving.kserve.io/InferenceService"] = function()
    local status = obj.status
    local waiting = progressing("Waiting for InferenceService to report status...")
    if status == nil or status.conditions == nil then return waiting end
    local transition = status.modelStatus and status.modelStatus.transitionStatus
    local moves = status.modelStatus ~= nil and transition ~= "UpToDate"
    local failed = moves and transition ~= "InProgress"
    local message = moves and "0: transitionStatus | " .. transition or ""
    local not_true = 0
    for i, found in pairs(status.conditions) do
        if found.type == "Stopped" and found.status == "True" then return suspended("InferenceService is Stopped") end
        local is_unknown = found.status == "Unknown"
        if is_unknown or found.status == "False" and found.type ~= "Stopped" then not_true = not_true + 1 end
        if found.status ~= "True" and found.type ~= "Stopped" then
            message = message .. " | " .. i .. ": " .. found.type .. " | " .. found.status
            for _, text in ipairs({ found.reason or "", found.message or "" }) do
                if text ~= "" then message = message .. " | " .. text end
            end
        end
    end
    if failed then return degraded(message) end
    if not moves and not_true == 0 then return healthy("InferenceService is healthy.") end
    return progressing(message)
end

-- Spark and Flink

local function spark_range()
    local spec = obj.spec
    local dynamic, conf = spec.dynamicAllocation, spec.sparkConf
    if dynamic and dynamic.enabled then return dynamic.minExecutors or 0, dynamic.maxExecutors or math.huge end
    for _, prefix in ipairs(conf and { "spark.streaming.dynamicAllocation.", "spark.dynamicAllocation." } or {}) do
        if conf[prefix .. "enabled"] == "true" then
            local least, most = conf[prefix .. "minExecutors"], conf[prefix .. "maxExecutors"]
            return least and tonumber(least) or 0, most and tonumber(most) or math.huge
        end
    end
    return nil
end

local function spark_runs()
    if obj.status.executorState == nil then return false end
    local running = 0
    for _, state in pairs(obj.status.executorState) do
        if state == "RUNNING" then running = running + 1 end
    end
    local fixed = obj.spec.executor.instances
    if fixed ~= nil and fixed == running then return true end
    local least, most = spark_range()
    if least then return running >= least and running <= most end
    return obj.spec.dynamicAllocation == nil and fixed == nil and running >= 1
end

local spark_states = {
    [""] = progressing("SparkApplication was added, enqueuing it for submission"),
    SUBMITTED = progressing("SparkApplication was submitted successfully"),
    COMPLETED = healthy("SparkApplication was Completed"),
    PENDING_RERUN = progressing("SparkApplication is Pending Rerun"),
    INVALIDATING = missing("SparkApplication is in InvalidatingState"),
    SUCCEEDING = progressing("The driver pod has been completed successfully. The executor pods terminate and are "
        .. "cleaned up.\n                                  Under this circumstances, we assume the executor pod are "
        .. "completed."),
    UNKNOWN = progressing("SparkApplication is in UnknownState because either driver pod or one or all executor pods "
        .. "in unknown state "),
}
checks["sparkoperator.k8s.io/SparkApplication"] = function()
    local waiting = progressing("Waiting for Executor pods")
    if obj.status == nil then return waiting end
    local application = obj.status.applicationState
    local state = application.state
    if state == "RUNNING" and spark_runs() then return healthy("SparkApplication is Running") end
    if state == "FAILED" or state == "SUBMISSION_FAILED" or state == "FAILING" then
        return degraded(application.errorMessage)
    end
    return state ~= nil and spark_states[state] or waiting
end

checks["flink.apache.org/FlinkDeployment"] = function()
    local status = obj.status or {}
    local reconciled = status.reconciliationStatus
    if reconciled ~= nil then
        if reconciled.success or reconciled.state == "DEPLOYED" then return healthy() end
        local manager = status.jobManagerDeploymentStatus
        if manager == "DEPLOYED_NOT_READY" or manager == "DEPLOYING" then
            return progressing("Waiting for deploying")
        end
        if manager == "ERROR" then return degraded(reconciled.error) end
    end
    return progressing("Waiting for Flink operator")
end

-- Operators

checks["operators.coreos.com/Subscription"] = function()
    local status = obj.status or {}
    if status.conditions == nil then
        return progressing("An install plan for a subscription is pending installation")
    end
    -- A plan that waits for a person is no problem once something is installed.
    local waits_for_person = false
    if obj.spec ~= nil and obj.spec.installPlanApproval == "Manual" and status.installedCSV ~= nil then
        for _, found in pairs(status.conditions) do
            local asks = found.type == "InstallPlanPending" and found.reason == "RequiresApproval"
            waits_for_person = waits_for_person or asks and found.status == "True"
        end
    end
    local unhealthy = { CatalogSourcesUnhealthy = true, InstallPlanFailed = true, ResolutionFailed = true }
    local failed, pending, message = 0, 0, ""
    for i, found in pairs(status.conditions) do
        local is_pending = found.type == "InstallPlanPending"
        if not (waits_for_person and is_pending) then
            message = message .. i .. ": " .. found.type .. " | " .. found.status .. "\n"
            local lacks = found.type == "InstallPlanMissing" and found.reason ~= "ReferencedInstallPlanNotFound"
            if is_pending and found.status == "True" then pending = pending + 1 end
            if lacks or unhealthy[found.type] and found.status == "True" then failed = failed + 1 end
        end
    end
    local state, detail = status.state, nil
    if state == nil then
        pending, detail = pending + 1, ".status.state not yet known"
    elseif state == "UpgradePending" and waits_for_person then
        detail = ".status.state is 'UpgradePending' (manual InstallPlan approval pending; treated as healthy)"
    elseif state == "" or state == "UpgradeAvailable" or state == "UpgradePending" then
        pending = pending + 1
    elseif state == "UpgradeFailed" then
        failed = failed + 1
    end
    message = message .. (detail or ".status.state is '" .. state .. "'") .. "\n"
    if failed > 0 then return degraded(message) end
    return pending > 0 and progressing(message) or healthy(message)
end

-- 3scale

checks["apps.3scale.net/APIManager"] = function()
    local waiting = progressing("Waiting for 3scale APIManager status...")
    if obj.status == nil then return waiting end
    local available = healthy("3scale APIManager is available")
    local deployments = obj.status.deployments
    if deployments ~= nil and deployments.ready ~= nil and deployments.starting == nil and deployments.stopped == nil then
        return available
    end
    for _, found in ipairs(conditions()) do
        if found.type == "Available" then
            if found.status == "True" then return available end
            if found.reason ~= nil and found.reason ~= "" then
                return degraded("3scale APIManager is degraded: " .. found.reason)
            end
        end
    end
    return waiting
end

-- Kinds that are as the first of their conditions that is true says.
local function threescale(kind, good, good_text, states)
    local rules = { { good, "True", "Healthy", "3scale " .. kind .. " is " .. good_text } }
    for name, state in pairs(states) do
        table.insert(rules, { name, "True", state[1], default = "3scale " .. kind .. " " .. state[2] })
    end
    return by_conditions(rules, progressing("Waiting for 3scale " .. kind .. " status..."))
end
local invalid = { "Degraded", "configuration is invalid" }
local orphan = { "Degraded", "references non-existing resources" }
local function failure(text) return { "Degraded", text or "synchronization failed" } end

local ready_kinds = {
    ActiveDoc = { Invalid = invalid, Orphan = orphan, Failed = failure() },
    ApplicationAuth = { Failed = failure("failed") },
    CustomPolicyDefinition = { Invalid = invalid, Failed = failure() },
    DeveloperAccount = {
        Invalid = invalid, Failed = failure(), Waiting = { "Suspended", "is waiting for approval" },
    },
    DeveloperUser = { Invalid = invalid, Orphan = orphan, Failed = failure() },
    OpenAPI = { Invalid = invalid, Failed = failure("reconciliation failed") },
    ProxyConfigPromote = { ["In-progress"] = { "Progressing", "is in progress" }, Failed = failure("failed") },
}
for kind, states in pairs(ready_kinds) do
    checks["capabilities.3scale.net/" .. kind] = threescale(kind, "Ready", "ready", states)
end
checks["capabilities.3scale.net/Backend"] =
    threescale("Backend", "Synced", "synced", { Invalid = invalid, Failed = failure() })
checks["capabilities.3scale.net/Product"] =
    threescale("Product", "Synced", "synced", { Invalid = invalid, Orphan = orphan, Failed = failure() })

local developer = checks["capabilities.3scale.net/DeveloperUser"]
checks["capabilities.3scale.net/DeveloperUser"] = function()
    if obj.status ~= nil and obj.status.developerUserState == "suspended" then
        return suspended("3scale Developer user is waiting for admin approval")
    end
    return developer()
end

local function has_id(field)
    local id = obj.status[field]
    return type(id) == "number" and id > 0
end

checks["capabilities.3scale.net/Application"] = function()
    if obj.status ~= nil and obj.status.state == "suspended" then
        return suspended("3scale Application is suspended")
    end
    for _, found in ipairs(conditions()) do
        if found.type == "Ready" then
            if found.status == "True" then return healthy("3scale Application is ready") end
            if not has_id("adminId") then return degraded(found.message or "3scale Application is not ready") end
        end
    end
    return progressing("Waiting for 3scale Application status...")
end

checks["capabilities.3scale.net/Tenant"] = function()
    if obj.status ~= nil then
        local has_all = has_id("tenantId") and has_id("adminId")
        if condition("Ready", "True") and has_all then return healthy("3scale Tenant is ready") end
        for _, found in ipairs(conditions()) do
            if found.type == "Ready" and found.status ~= "True" then
                return degraded(found.message or "3scale Tenant is degraded")
            end
        end
    end
    return progressing("Waiting for 3scale Tenant status...")
end
