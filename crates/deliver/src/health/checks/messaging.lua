-- Kafka, RabbitMQ and flows of events.

local function strimzi(name, tolerated)
    return by_conditions({
        { "NotReady", "True", "Degraded", reason_is_not = tolerated },
        { "Ready", "True", "Healthy", "" },
    }, progressing("Waiting for " .. name))
end
checks["kafka.strimzi.io/Kafka"] = strimzi("Kafka Cluster", "Creating")
checks["kafka.strimzi.io/KafkaBridge"] = strimzi("KafkaBridge")
checks["kafka.strimzi.io/KafkaConnect"] = strimzi("Kafka Connect")
checks["kafka.strimzi.io/KafkaConnector"] = strimzi("KafkaConnector")
checks["kafka.strimzi.io/KafkaTopic"] = strimzi("Kafka Topic")
checks["kafka.strimzi.io/KafkaUser"] = strimzi("Kafka User")

for _, name in ipairs({ "Connect", "ControlCenter", "Kafka", "KsqlDB", "SchemaRegistry", "Zookeeper" }) do
    checks["platform.confluent.io/" .. name] = by_state("phase", {
        RUNNING = { "Healthy", name .. " running" },
        PROVISIONING = { "Progressing", name .. " provisioning" },
    }, progressing("Waiting for " .. name))
end

checks["platform.confluent.io/Connector"] = function()
    local status = obj.status or {}
    local failed = status.failedTasksCount
    if status.state == "CREATED" and status.connectorState == "RUNNING" and failed == nil then
        return healthy("Connector running")
    end
    if status.state == "ERROR" then
        local first = (status.conditions or {})[1]
        return degraded(first and first.message or not first and "No conditions available" or nil)
    end
    if status.state ~= nil and failed ~= nil and failed > 0 then return degraded("Connector has failed tasks") end
    return progressing("Waiting for Kafka Connector")
end

checks["kafka.banzaicloud.io/KafkaCluster"] = function()
    local status = obj.status or {}
    local waiting = progressing("Waiting for KafkaCluster")
    if status.state == "ClusterRollingUpgrading" then return progressing("Kafka Cluster is Rolling Upgrading.") end
    if status.brokersState == nil then return waiting end
    local done = { GracefulUpscaleSucceeded = true, GracefulDownscaleSucceeded = true }
    for _, broker in pairs(status.brokersState) do
        local in_sync = broker.configurationState == "ConfigInSync"
        if not in_sync or not done[broker.gracefulActionState.cruiseControlState] then
            return degraded("Broker Config is out of Sync or CruiseControlState is not Ready")
        end
    end
    local topic = status.cruiseControlTopicStatus
    if topic == "CruiseControlTopicReady" and status.state == "ClusterRunning" then
        return healthy("Kafka Brokers, CruiseControl and cluster are in Healthy State.")
    end
    local not_ready = topic == nil or topic == "CruiseControlTopicNotReady"
    if not_ready and status.state == "ClusterReconciling" then return progressing("Kafka Cluster is Reconciling.") end
    return waiting
end

for _, kind in ipairs({ "Binding", "Exchange", "Permission", "Policy", "Queue", "Shovel", "User", "Vhost" }) do
    local name = "RabbitMQ " .. kind:lower()
    checks["rabbitmq.com/" .. kind] = by_conditions({
        { "Ready", "True", "Healthy", name .. " ready", reason = "SuccessfulCreateOrUpdate" },
        { "Ready", "False", "Degraded", name .. " failed to be created or updated", reason = "FailedCreateOrUpdate" },
    }, unknown(name .. " status is unknown"))
end

checks["rabbitmq.com/RabbitmqCluster"] = function()
    local last = {}
    for _, found in ipairs(conditions()) do
        if found.type == "ReconcileSuccess" and found.status == "False" then return degraded(found.message) end
        last[found.type] = found.status
    end
    local available, ready = last.ClusterAvailable, last.AllReplicasReady
    if available == "Unknown" or ready == "Unknown" then
        return progressing("Waiting for RabbitMQ cluster readiness (conditions unknown)")
    end
    if available == "False" then return progressing("Waiting for RabbitMQ cluster formation") end
    if ready == "False" then return progressing("Waiting for RabbitMQ instances ready") end
    if available == "True" and ready == "True" then return healthy("RabbitMQ cluster ready") end
    return progressing("Waiting for RabbitMQ Operator")
end

checks["camel.apache.org/Integration"] = by_ready("Waiting for Integration")

-- Numaflow

local function numaflow(kind, running, condition_message)
    return function()
        local waiting = progressing("Waiting for " .. kind .. " status")
        if obj.status == nil then return waiting end
        local unhealthy
        for _, found in ipairs(conditions()) do
            if found.status == "False" then unhealthy = found end
        end
        if obj.metadata.generation ~= obj.status.observedGeneration then return waiting end
        local labels = kind ~= "Vertex" and obj.metadata.labels or {}
        local phase = obj.status.phase
        if phase == "Failed" then return degraded(obj.status.message) end
        if labels["numaplane.numaproj.io/progressive-result-state"] == "failed" then
            return degraded("Failed progressive upgrade")
        end
        if unhealthy then return degraded(condition_message or unhealthy.message) end
        return running[phase] and healthy(running[phase]) or waiting
    end
end
checks["numaflow.numaproj.io/InterStepBufferService"] = numaflow("InterStepBufferService",
    { Running = "InterStepBufferService is healthy" })
checks["numaflow.numaproj.io/MonoVertex"] = numaflow("MonoVertex",
    { Running = "MonoVertex is healthy", Paused = "MonoVertex is paused" }, "Subresources are unhealthy")
checks["numaflow.numaproj.io/Pipeline"] = numaflow("Pipeline",
    { Running = "Pipeline is healthy", Paused = "Pipeline is paused", Pausing = "Pipeline is paused" },
    "Subresources are unhealthy")
checks["numaflow.numaproj.io/Vertex"] = numaflow("Vertex",
    { Running = "Vertex is healthy", Paused = "Vertex is paused" })

-- Numaplane: `failure` is the reason of a child that failed, `pausing` the condition of one that is paused.
local function numaplane(failure, pausing, what)
    return function()
        local status = obj.status
        if status == nil or obj.metadata.generation ~= status.observedGeneration then
            return progressing("Not yet reconciled")
        end
        local upgrade_failed = failure ~= nil and condition("ProgressiveUpgradeSucceeded", "False") ~= nil
        local upgrades = status.upgradeInProgress ~= nil and status.upgradeInProgress ~= "" or status.phase == "Pending"
        if upgrades and not upgrade_failed then return progressing("Update in progress") end
        for _, found in ipairs(conditions()) do
            local is_child = found.type == "ChildResourcesHealthy" and found.status == "False"
            if is_child and found.reason == "Progressing" then return progressing("Child Progressing") end
        end
        if status.phase == "Failed" then return degraded(status.message) end
        for _, found in ipairs(conditions()) do
            local is_child = found.type == "ChildResourcesHealthy" and found.status == "False"
            if is_child and (failure == nil or found.reason == failure) then return degraded(found.message) end
            if failure ~= nil and found.type == "ProgressiveUpgradeSucceeded" and found.status == "False" then
                return degraded("Progressive upgrade failed")
            end
        end
        local paused = pausing and condition(pausing, "True")
        if paused then return healthy(paused.message) end
        if condition("ChildResourcesHealthy", "True") then return healthy("Healthy") end
        return unknown("Unknown " .. what .. "status")
    end
end
checks["numaplane.numaproj.io/ISBServiceRollout"] = numaplane("ISBSvcFailed", nil, "")
checks["numaplane.numaproj.io/MonoVertexRollout"] = numaplane("MonoVertexFailed", "MonoVertexPausingOrPaused", "MonoVertex ")
checks["numaplane.numaproj.io/PipelineRollout"] = numaplane("PipelineFailed", "PipelinePausingOrPaused", "Pipeline ")
checks["numaplane.numaproj.io/NumaflowControllerRollout"] = numaplane(nil, nil, "")
