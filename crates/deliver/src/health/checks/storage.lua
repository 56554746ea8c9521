-- Storage and backups.

checks["ceph.rook.io/CephCluster"] = function()
    local status = obj.status
    if status == nil then return progressing("Waiting for status to be reported") end
    local result, parts = progressing(), {}
    local function say(text) if text ~= "" then table.insert(parts, text) end end
    local ceph = status.ceph or {}
    if ceph.health ~= nil then
        local names, details = {}, {}
        for name in pairs(ceph.details or {}) do table.insert(names, name) end
        table.sort(names)
        for _, name in ipairs(names) do
            if ceph.details[name].message ~= nil then table.insert(details, ceph.details[name].message) end
        end
        local suffix = #details > 0 and " (" .. table.concat(details, "; ") .. ")" or ""
        local by_health = { HEALTH_ERR = degraded, HEALTH_WARN = degraded, HEALTH_OK = healthy }
        result = (by_health[ceph.health] or progressing)()
        say("Ceph health is " .. ceph.health .. suffix)
    end
    if status.state ~= nil and result.status == "Healthy" then
        local by_state = { Created = healthy, Connected = healthy, Error = degraded }
        result = (by_state[status.state] or progressing)()
        say("Ceph cluster state is " .. status.state)
    end
    say(status.message or "")
    result.message = table.concat(parts, " - ")
    return result
end

checks["ceph.rook.io/CephObjectStore"] = function()
    local status = obj.status
    local result = progressing("Waiting for status to be reported")
    if status == nil then return result end
    if status.phase ~= nil then
        local by_phase = { Ready = healthy, Failure = degraded }
        result = (by_phase[status.phase] or progressing)("Ceph object store phase is " .. status.phase)
    end
    local endpoint = status.info and status.info.endpoint
    if endpoint ~= nil and endpoint ~= "" then result.message = result.message .. " - endpoint: " .. endpoint end
    return result
end

checks["objectbucket.io/ObjectBucketClaim"] = function()
    if obj.status == nil then return progressing("Waiting for status to be reported") end
    local phase = obj.status.phase
    if phase == nil then return progressing("Waiting for phase to be reported") end
    local by_phase = { Bound = healthy, Failed = degraded }
    return (by_phase[phase] or progressing)("Object bucket claim phase is " .. phase)
end

checks["ocs.openshift.io/StorageCluster"] = function()
    local function last(kind)
        local result
        for _, found in pairs(conditions()) do
            if found.type == kind and found.status == "True" then result = found end
        end
        return result
    end
    local failed, works, available = last("Degraded"), last("Progressing"), last("Available")
    if failed then return degraded(failed.message) end
    if works then return progressing(works.message) end
    if available then return healthy(available.message) end
    return unknown("StorageCluster is in an unknown state.")
end

checks["minio.min.io/Tenant"] = function()
    local state = obj.status and obj.status.currentState
    if state == nil then return progressing("No status info available") end
    if state == "Initialized" then return healthy(state) end
    for _, failure in ipairs({
        "Statefulset not controlled by operator", "Another MinIO Tenant already exists in the namespace",
        "Tenant credentials are not set properly", "Different versions across MinIO Pools",
        "Pool Decommissioning Not Allowed",
    }) do
        if state == failure then return degraded(state) end
    end
    return progressing(state)
end

-- Astra

local no_status = progressing("No status available")

checks["astra.netapp.io/AppVault"] = function()
    local state = obj.status and obj.status.state
    if state == "available" or state == "Available" then return healthy(obj.kind .. " Available") end
    if state == "failed" or state == "Failed" then return degraded(obj.kind .. " Failed") end
    return no_status
end

checks["astra.netapp.io/Application"] = function()
    for _, found in ipairs(conditions()) do
        if found.type == "Ready" and found.status == "True" then
            return healthy("Astra Application Ready, protectionState: " .. obj.status.protectionState)
        end
        if found.type == "Ready" and found.status == "False" then
            return degraded("Astra Application Degraded, message: " .. found.message)
        end
    end
    return no_status
end

each({
    "astra.netapp.io/Backup", "astra.netapp.io/ExecHooksRun", "astra.netapp.io/ResourceBackup",
    "astra.netapp.io/ResticVolumeBackup", "astra.netapp.io/Snapshot",
}, function()
    local state = obj.status and obj.status.state
    if state == nil then return no_status end
    if state == "Completed" then return healthy(obj.kind .. " Completed") end
    if state == "Running" then return progressing(obj.kind .. " Running") end
    return degraded(state)
end)

checks["astra.netapp.io/ExecHook"] = function()
    local enabled = obj.spec and obj.spec.enabled
    if enabled == true then return healthy(obj.kind .. " enabled") end
    if enabled == false then return suspended(obj.kind .. " disabled") end
    return no_status
end

checks["astra.netapp.io/Schedule"] = function()
    local last = obj.status and obj.status.lastScheduleTime
    if last == nil then return healthy("Protection policy not yet executed") end
    return healthy("Protection policy lastScheduleTime: " .. last)
end

checks["trident.netapp.io/TridentBackendConfig"] = function()
    local status = obj.status or {}
    if status.phase == "Bound" and status.lastOperationStatus == "Success" then return healthy(status.message) end
    if status.lastOperationStatus == "Failed" then return degraded(status.message) end
    return progressing("Waiting for backend creation")
end

checks["trident.netapp.io/TridentOrchestrator"] = function()
    local status = obj.status or {}
    if status.status == "Installed" then return healthy(status.message) end
    if status.status == "Failed" or status.status == "Error" then return degraded(status.message) end
    return progressing("Waiting for trident installation")
end
