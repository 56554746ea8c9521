-- Databases and search.

checks["acid.zalan.do/postgresql"] = function()
    local state = obj.status and obj.status.PostgresClusterStatus
    if state == nil then return progressing("Waiting for postgres cluster status...") end
    if state == "Running" then return healthy(state) end
    if state == "Creating" or state == "Updating" then return progressing(state) end
    return degraded(state)
end

local cnpg = {
    [healthy] = { "Cluster in healthy state" },
    [progressing] = {
        "Setting up primary", "Creating a new replica", "Upgrading cluster",
        "Waiting for the instances to become active", "Promoting to primary cluster",
    },
    [degraded] = {
        "Switchover in progress", "Failing over", "Upgrading Postgres major version", "Cluster upgrade delayed",
        "Waiting for user action", "Primary instance is being restarted in-place",
        "Primary instance is being restarted without a switchover",
        "Cluster cannot execute instance online upgrade due to missing architecture binary",
        "Online upgrade in progress", "Applying configuration",
    },
    [suspended] = {
        "Unable to create required cluster objects",
        "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
        "Cluster has incomplete or invalid image catalog",
        "Cluster is unrecoverable and needs manual intervention",
    },
}

checks["postgresql.cnpg.io/Cluster"] = function()
    local annotations = obj.metadata and obj.metadata.annotations or {}
    if annotations["cnpg.io/reconciliationLoop"] == "disabled" then
        return suspended("Cluster reconciliation is suspended")
    end
    if obj.status == nil or obj.status.conditions == nil then return progressing(obj.status.phaseReason) end
    local hibernation = condition("cnpg.io/hibernation")
    if hibernation then
        return hibernation.status == "True" and suspended(hibernation.message) or degraded(hibernation.message)
    end
    for health, phases in pairs(cnpg) do
        for _, phase in ipairs(phases) do
            if phase == obj.status.phase then return health(obj.status.phaseReason) end
        end
    end
    return unknown(obj.status.phaseReason)
end

-- MariaDB

local no_info = progressing("No status info available")

checks["k8s.mariadb.com/Backup"] = function()
    if obj.status == nil or obj.status.conditions == nil then return no_info end
    local message
    for _, found in ipairs(obj.status.conditions) do
        message = found.reason .. " " .. found.message
        if found.status == "False" then
            local failed = found.reason == "CronJobScheduled" and found.message == "Failed"
            return failed and degraded(message) or progressing(message)
        end
    end
    return healthy(message)
end

each({ "k8s.mariadb.com/MariaDB", "mariadb.mmontes.io/MariaDB" }, function()
    if obj.status == nil or obj.status.conditions == nil then return no_info end
    local message
    for _, found in ipairs(obj.status.conditions) do
        message = found.message
        if found.status == "False" then
            return found.reason == "Failed" and degraded(message) or progressing(message)
        end
    end
    return healthy(message)
end)

each({ "k8s.mariadb.com/Database", "k8s.mariadb.com/Grant", "k8s.mariadb.com/User" }, function()
    local result = no_info
    for _, found in ipairs(conditions()) do
        result = progressing(found.message)
        if found.type == "Ready" then
            return found.status == "True" and healthy(found.message) or degraded(found.message)
        end
    end
    return result
end)

checks["k8s.mariadb.com/SqlJob"] = function()
    local result = no_info
    for _, found in ipairs(conditions()) do
        local message = found.reason .. " " .. found.message
        result = progressing(message)
        if found.status == "True" and found.reason == "JobComplete" then return healthy(message) end
        if found.status == "True" and found.reason == "JobFailed" then return degraded(message) end
    end
    return result
end

-- Percona

local function nodes() return obj.status.ready .. "/" .. obj.status.size .. " node(s) are ready" end

checks["psmdb.percona.com/PerconaServerMongoDB"] = function()
    if obj.status == nil then return unknown("Cluster status is unknown") end
    local states = {
        initializing = progressing, ready = healthy, error = degraded, stopping = progressing, paused = suspended,
    }
    return (states[obj.status.state] or unknown)(nodes())
end

local report = "Ensure your ArgoCD is current and then check for/file a bug report: "
    .. "https://github.com/argoproj/argo-cd/issues"

checks["pxc.percona.com/PerconaXtraDBCluster"] = function()
    local state = obj.status and obj.status.state
    if state == "initializing" then return progressing(nodes()) end
    if state == "ready" then return healthy(nodes()) end
    if state == "paused" then return unknown("Cluster is paused") end
    if state == "stopping" then return degraded("Cluster is stopping (" .. nodes() .. ")") end
    if state == "error" then return degraded("Cluster is on error: " .. table.concat(obj.status.message, ", ")) end
    return unknown("Cluster status is unknown. " .. report)
end

-- Atlas

local function atlas(waits)
    return function()
        local ready = condition("Ready")
        if ready == nil then return progressing("Waiting for Atlas Operator") end
        if ready.status == "True" then return healthy(ready.reason) end
        return waits(ready) and progressing(ready.reason) or degraded(ready.reason)
    end
end
checks["db.atlasgo.io/AtlasMigration"] = atlas(function(ready) return ready.reason == "Reconciling" end)
checks["db.atlasgo.io/AtlasSchema"] = atlas(function(ready)
    return ready.message == "Reconciling" or ready.message == "GettingDevDB"
end)

-- Elastic

checks["beat.k8s.elastic.co/Beat"] = function()
    local status = obj.status or {}
    local waiting = progressing("Elastic Beat phase is progressing")
    if status.health ~= nil or status.expectedNodes ~= nil then
        if status.health == "red" then return degraded("Elastic Beat status is Red") end
        if status.health == "green" then return healthy("Elastic Beat status is Green") end
        if status.health == nil then return waiting end
        if status.health == "yellow" then
            if status.availableNodes == nil or status.expectedNodes == nil then return waiting end
            return progressing("Elastic Beat status is deploying, there is " .. status.availableNodes
                .. " instance(s) on " .. status.expectedNodes .. " expected")
        end
    end
    return unknown("Elastic Beat status is unknown. " .. report)
end

local elastic_health = by_state("health", {
    green = { "Healthy", "Elasticsearch Cluster status is Green" },
    yellow = {
        "Progressing",
        "Elasticsearch Cluster status is Yellow. Check the status of indices, replicas and shards",
    },
    red = { "Degraded", "Elasticsearch Cluster status is Red. Check the status of indices, replicas and shards" },
})
checks["elasticsearch.k8s.elastic.co/Elasticsearch"] = function()
    local status = obj.status or {}
    local result
    if status.availableNodes ~= nil then
        local wanted = 0
        for _, node in pairs(obj.spec.nodeSets) do wanted = wanted + node.count end
        if status.availableNodes < wanted then
            return progressing("The desired amount of availableNodes is " .. wanted .. " but the current amount is "
                .. status.availableNodes)
        end
        if status.availableNodes == wanted and status.phase ~= nil and status.health ~= nil then
            local phase, message = status.phase, "Elasticsearch phase is " .. status.phase
            if phase == "Ready" then result = elastic_health() end
            if phase == "ApplyingChanges" or phase == "MigratingData" then result = progressing(message) end
            if phase == "Invalid" then result = degraded(message) end
        end
    end
    return result or unknown("Elasticsearch Cluster status is unknown. " .. report)
end

checks["logstash.k8s.elastic.co/Logstash"] = by_state("health", {
    green = { "Healthy", "Logstash status is Green" },
    yellow = { "Progressing", "Logstash status is Yellow" },
    red = { "Degraded", "Logstash status is Red" },
}, progressing("Waiting for Logstash"))

-- Others

local function altinity(name)
    return by_state("status", {
        Completed = { "Healthy", name .. " installation completed successfully" },
        InProgress = { "Progressing", name .. " installation in progress" },
    }, function(state)
        return state and degraded(name .. " status: " .. state) or progressing(name .. " status not yet available")
    end)
end
checks["clickhouse.altinity.com/ClickHouseInstallation"] = altinity("ClickHouse")
checks["clickhouse-keeper.altinity.com/ClickHouseKeeperInstallation"] = altinity("ClickHouseKeeper")

checks["cassandra.rook.io/Cluster"] = function()
    local racks = obj.status and obj.status.racks
    local waiting = progressing("Waiting for Cassandra Cluster")
    if racks == nil then return waiting end
    for _, rack in pairs(racks) do
        local known = rack.members ~= nil and rack.readyMembers ~= nil
        if known and rack.members ~= rack.readyMembers then return waiting end
    end
    return healthy()
end

checks["solr.apache.org/SolrCloud"] = function()
    local all = obj.status and obj.status.solrNodes
    if all == nil then return progressing("Waiting for solr to exist") end
    for _, node in ipairs(all) do
        if not node.ready then return progressing("Not all replicas are ready") end
    end
    return healthy("Solr is ready")
end

checks["zookeeper.pravega.io/ZookeeperCluster"] = function()
    local status = obj.status
    if status ~= nil and status.readyReplicas ~= 0 and status.readyReplicas == status.replicas then
        return healthy("All ZK Nodes have joined the ensemble")
    end
    return progressing("Waiting for ZK Nodes to join the ensemble")
end
