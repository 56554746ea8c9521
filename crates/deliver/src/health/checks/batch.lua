-- Kinds of Kubernetes itself that are checked here rather than among the built-in ones.

checks["batch/CronJob"] = function()
    if obj.spec.suspend == true then return healthy("CronJob is Suspended") end
    if obj.status == nil then return progressing("Waiting for CronJob") end
    local scheduled, succeeded = obj.status.lastScheduleTime, obj.status.lastSuccessfulTime
    -- Whether a run is late cannot be told from the status.
    if scheduled == nil then return healthy("CronJob has not been scheduled yet") end
    if succeeded == nil then
        return healthy("The CronJob never completed successfully. It may not be healthy")
    end
    if obj.status.active ~= nil and #obj.status.active > 0 then
        return healthy("The job is running. Its last execution may not have been successful")
    end
    if succeeded < scheduled then return degraded("CronJob has not completed its last execution successfully") end
    return healthy("CronJob has completed its last execution successfully")
end

checks["policy/PodDisruptionBudget"] = function()
    local result = progressing("Waiting for status")
    for _, found in ipairs(conditions()) do
        local message = "PodDisruptionBudget has " .. found.reason
        -- A budget that allows nothing may be meant to.
        if found.status == "False" and found.reason ~= "InsufficientPods" then return degraded(message) end
        result = healthy(message)
    end
    return result
end

checks["apiextensions.k8s.io/CustomResourceDefinition"] = function()
    if obj.metadata.deletionTimestamp ~= nil then return progressing("CRD is terminating") end
    local all = obj.status.conditions
    if all == nil or #all == 0 then return progressing("Status conditions not found") end
    local established = false
    for _, found in ipairs(all) do
        local is_true = found.status == "True"
        if found.type == "Terminating" and is_true then return progressing("CRD is terminating: " .. found.message) end
        if found.type == "NamesAccepted" and found.status == "False" then
            return degraded("CRD names have not been accepted: " .. found.message)
        end
        if found.type == "NonStructuralSchema" and is_true then
            return degraded("Schema violations found: " .. found.message)
        end
        if found.type == "Established" then
            established = established or is_true
            if not is_true and found.reason == "Installing" then return progressing("CRD is being installed") end
        end
    end
    return established and healthy("CRD is healthy") or degraded("CRD is not established")
end

each({ "snapshot.storage.k8s.io/VolumeSnapshot", "snapshot.storage.k8s.io/VolumeSnapshotContent" }, function()
    local status = obj.status or {}
    if status.readyToUse then return healthy("Ready to use") end
    if status.error ~= nil then return degraded(status.error.message) end
    return progressing("Waiting for status")
end)
