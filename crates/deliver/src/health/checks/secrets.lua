-- Certificates, secrets and policies.

local certificate = by_ready("Waiting for certificate")
checks["certmanager.k8s.io/Certificate"] = certificate
checks["cert-manager.io/Certificate"] = function()
    local issuing = condition("Issuing", "True")
    return issuing and progressing(issuing.message) or certificate()
end
checks["cert-manager.io/ClusterIssuer"] = by_ready("Initializing ClusterIssuer")
each({ "cert-manager.io/Issuer", "certmanager.k8s.io/Issuer" }, by_ready("Initializing issuer"))

for _, kind in ipairs({ "ClusterSecretStore", "ExternalSecret", "PushSecret", "SecretStore" }) do
    checks["external-secrets.io/" .. kind] = by_ready("Waiting for " .. kind)
end

checks["external-secrets.io/ClusterExternalSecret"] = function()
    local all = obj.status and obj.status.conditions
    -- The last condition is the latest.
    local last = all and all[#all]
    if all and last.status == "True" then
        if last.type == "Ready" then return healthy(last.message) end
        if last.type == "PartiallyReady" or last.type == "NotReady" then return degraded(last.message) end
    end
    return progressing("Waiting for ClusterExternalSecret")
end

checks["kubernetes-client.io/ExternalSecret"] = function()
    local waiting = progressing("Waiting for ExternalSecret.")
    if obj.status == nil then return waiting end
    local state = obj.status.status
    if state == "SUCCESS" then return healthy("Fetched ExternalSecret.") end
    if state:find("^ERROR") then
        local message = state:gsub("ERROR, ", "")
        return degraded(message)
    end
    return waiting
end

checks["bitnami.com/SealedSecret"] = by_conditions({
    { "Synced", "False", "Degraded" },
    { "Synced", "True", "Healthy" },
}, progressing("Waiting for Sealed Secret to be decrypted"))

checks["onepassword.com/OnePasswordItem"] = by_ready("Waiting for controller to report status")

checks["kyverno.io/Policy"] = function()
    for _, found in ipairs(conditions()) do
        local succeeded = found.reason == "Succeeded" and found.message == "Ready"
        if found.type == "Ready" and found.status == "True" and succeeded then return healthy("Policy is ready") end
    end
    return progressing("Waiting for Policy to be ready")
end

-- Open Cluster Management

local reported = progressing("Waiting for the status to be reported")

checks["policy.open-cluster-management.io/CertificatePolicy"] = function()
    local compliant = obj.status and obj.status.compliant
    if compliant == nil then return reported end
    if compliant == "Compliant" then return healthy("All certificates found comply with the policy") end
    return degraded("At least once certificate does not comply with the policy")
end

checks["policy.open-cluster-management.io/ConfigurationPolicy"] = function()
    local status = obj.status or {}
    if status.compliant == nil then return reported end
    if status.lastEvaluatedGeneration ~= obj.metadata.generation then
        return progressing("Waiting for the status to be updated")
    end
    if status.compliancyDetails == nil then return progressing("Waiting for compliance") end
    local messages = {}
    for _, detail in ipairs(status.compliancyDetails) do
        for _, found in ipairs(detail.conditions or {}) do
            if found.message ~= nil and found.type ~= nil then
                table.insert(messages, found.type .. " - " .. found.message)
            end
        end
    end
    local message = table.concat(messages, "; ")
    return status.compliant == "Compliant" and healthy(message) or degraded(message)
end

checks["policy.open-cluster-management.io/OperatorPolicy"] = function()
    if obj.status == nil or obj.status.conditions == nil then return reported end
    local observed = obj.status.observedGeneration
    if observed ~= nil and observed ~= obj.metadata.generation then
        return progressing("Waiting for the status to be updated")
    end
    local compliant = condition("Compliant")
    if compliant == nil then return progressing("Waiting for the compliance condition") end
    return compliant.status == "True" and healthy(compliant.message) or degraded(compliant.message)
end

local function others(list, name_of, what)
    local names = {}
    for _, entry in ipairs(list) do
        if entry.compliant ~= "Compliant" then table.insert(names, name_of(entry)) end
    end
    if #names == 0 then return "All " .. what .. " are compliant" end
    return "NonCompliant " .. what .. ": " .. table.concat(names, ", ")
end

checks["policy.open-cluster-management.io/Policy"] = function()
    if obj.spec.disabled then return healthy("Policy is disabled") end
    local status = obj.status
    if status == nil then return reported end
    if status.compliant == nil then
        local placed = status.status == nil and status.placement ~= nil and #status.placement > 0
        return placed and healthy("No clusters match this policy") or reported
    end
    local message
    if status.status ~= nil then
        message = others(status.status, function(entry) return entry.clustername end, "clusters")
    elseif status.details ~= nil then
        message = others(status.details, function(entry) return entry.templateMeta.name end, "templates")
    end
    return status.compliant == "Compliant" and healthy(message) or degraded(message)
end

checks["iammanager.keikoproj.io/Iamrole"] = function()
    local status = obj.status
    local waiting = progressing("Waiting for Iamrole to be reconciled")
    if status == nil then return waiting end
    local name, arn = status.roleName or "<none>", status.roleARN or "<none>"
    local id = status.roleID or "<none>"
    if status.state == "Ready" then
        return healthy("Role '" .. name .. "' exists with ARN '" .. arn .. "' and ID '" .. id .. "'.")
    end
    local failures = { Error = true, RolesMaxLimitReached = true, PolicyNotAllowed = true, RoleNameNotAvailable = true }
    if not failures[status.state] then return waiting end
    local message = "Failed to reconcile the Iamrole "
    if status.retryCount ~= nil and status.retryCount > 0 then
        message = message .. "(retry " .. tostring(status.retryCount) .. ") "
    end
    message = message .. "for role '" .. name .. "' with ARN '" .. arn .. "' and ID '" .. id .. "'."
    if status.errorDescription ~= nil then
        message = message .. " Reconciliation error was: " .. status.errorDescription
    end
    return degraded(message)
end

checks["k8s.keycloak.org/Keycloak"] = function()
    local all = obj.status and obj.status.conditions
    if all == nil then return progressing("Waiting for Keycloak status conditions to exist") end
    table.sort(all, function(a, b)
        if a.lastTransitionTime == nil then return false end
        return b.lastTransitionTime == nil or a.lastTransitionTime < b.lastTransitionTime
    end)
    for _, found in ipairs(all) do
        if found.type == "Ready" and found.status == "True" then return healthy("") end
        if found.type == "HasErrors" and found.status == "True" then return degraded("Has Errors: " .. found.message) end
    end
    return progressing("")
end
