-- Gateways, routes and certificates.

local function failed(all, kind)
    for _, found in ipairs(all) do
        if found.type == kind and found.status == "False" then
            return found.message or "Failed condition: " .. kind
        end
    end
    return nil
end

-- What is wrong with a list of conditions of the Gateway API, or nil; `prefix` says whose they are.
local function problem(all, prefix, programming)
    local message = failed(all, "ResolvedRefs") or failed(all, "Accepted")
    if message then return degraded(prefix .. message) end
    for _, found in ipairs(all) do
        if found.type == "Programmed" and found.status ~= "True" then
            return progressing(prefix .. (found.message or programming .. " is still being programmed"))
        end
    end
    return nil
end

local function is_current(parent)
    local generation = obj.metadata.generation
    if generation == nil then return true end
    if #(parent.conditions or {}) == 0 then return false end
    for _, found in ipairs(parent.conditions) do
        if found.observedGeneration ~= nil and found.observedGeneration ~= generation then return false end
    end
    return true
end

-- A route is as well as its parents say; `counts` tells which of them count.
local function route(kind, counts)
    return function()
        local attached = false
        for _, parent in ipairs(obj.status and obj.status.parents or {}) do
            if parent.conditions ~= nil and counts(parent) then
                local found = problem(parent.conditions, "Parent " .. (parent.parentRef.name or "") .. ": ", "Route")
                if found then return found end
                attached = attached or #parent.conditions > 0
            end
        end
        return attached and healthy(kind .. " is healthy") or progressing("Waiting for " .. kind .. " status")
    end
end

checks["gateway.networking.k8s.io/HTTPRoute"] = route("HTTPRoute", is_current)
checks["gateway.networking.k8s.io/GRPCRoute"] = route("GRPCRoute", function() return true end)

checks["gateway.networking.k8s.io/Gateway"] = function()
    local status = obj.status or {}
    local found = problem(status.conditions or {}, "", "Gateway")
    if found then return found end
    for _, listener in ipairs(status.listeners or {}) do
        found = problem(listener.conditions or {}, "Listener: ", "Listener")
        if found then return found end
    end
    if status.conditions ~= nil or #(status.listeners or {}) > 0 then return healthy("Gateway is healthy") end
    return progressing("Waiting for Gateway status")
end

checks["gateway.networking.k8s.io/GatewayClass"] = function()
    for _, found in ipairs(conditions()) do
        local seen, generation = found.observedGeneration, (obj.metadata or {}).generation
        local is_stale = seen ~= nil and generation ~= nil and seen ~= generation
        if found.type == "Accepted" and not is_stale then
            if found.status == "True" then return healthy(found.message or "GatewayClass is accepted") end
            if found.status == "False" then return degraded(found.message or "GatewayClass is not accepted") end
            return progressing(found.message or "Waiting for GatewayClass status")
        end
    end
    return progressing("Waiting for GatewayClass status")
end

-- Policies report once for each ancestor. `strict` ones must be observed and accepted by every one of them.
local function attached_policy(kind, strict)
    local result = progressing("Waiting for " .. kind .. " status")
    local ancestors, generation = obj.status and obj.status.ancestors or {}, obj.metadata.generation
    for _, ancestor in ipairs(generation ~= nil and ancestors or {}) do
        for _, found in ipairs(ancestor.conditions) do
            local seen = found.observedGeneration
            if seen ~= generation and (strict or seen ~= nil) then
                local name = ancestor.ancestorRef.name or ""
                return progressing("Waiting for Ancestor " .. name .. " to update " .. kind .. " status")
            end
        end
    end
    for _, ancestor in ipairs(ancestors) do
        local prefix, accepted = "Ancestor " .. (ancestor.ancestorRef.name or "") .. ": ", false
        for _, found in ipairs(ancestor.conditions) do
            if found.type == "Accepted" or found.type == "ResolvedRefs" then
                if found.status ~= "True" then return degraded(prefix .. found.message) end
                if found.type == "Accepted" then
                    accepted, result = true, healthy(kind .. " is healthy")
                end
            end
        end
        if strict and not accepted then result = degraded(prefix .. kind .. " is not accepted") end
    end
    return result
end

checks["gateway.networking.k8s.io/BackendTLSPolicy"] = function() return attached_policy("BackendTLSPolicy", false) end

checks["microgateway.airlock.com/*"] = function()
    if not obj.kind:find("Policy$") then return healthy(obj.kind .. " is healthy") end
    return attached_policy(obj.kind, true)
end

-- Solo

local solo_states = {
    Accepted = "Accepted", Warning = "Warning", Pending = "Pending", Rejected = "Rejected",
    [0] = "Pending", [1] = "Accepted", [2] = "Rejected", [3] = "Warning",
}
local function solo_health(status)
    local state = solo_states[status.state]
    if state == "Accepted" then return healthy("The resource has been validated") end
    if state == "Pending" then return suspended("The resource has not yet been validated") end
    if state then return degraded(status.reason) end
    return nil
end

each({
    "gateway.solo.io/Gateway", "gateway.solo.io/MatchableHttpGateway", "gateway.solo.io/RouteOption",
    "gateway.solo.io/RouteTable", "gateway.solo.io/VirtualHostOption", "gateway.solo.io/VirtualService",
    "gloo.solo.io/Proxy", "gloo.solo.io/Settings", "gloo.solo.io/Upstream", "gloo.solo.io/UpstreamGroup",
}, function()
    local status = obj.status or {}
    for _, of_namespace in pairs(status.statuses or {}) do
        local found = solo_health(of_namespace)
        if found then return found end
    end
    return status.state ~= nil and solo_health(status) or progressing("Update in progress")
end)

-- Contour

local function is_valid_now(found) return obj.metadata.generation == found.observedGeneration end

checks["projectcontour.io/ExtensionService"] = function()
    for _, found in ipairs(conditions()) do
        if is_valid_now(found) and found.type == "Valid" then
            if found.status == "True" then return healthy(found.message) end
            if found.status == "False" then return degraded(found.message) end
        end
    end
    return progressing("Waiting for status")
end

checks["projectcontour.io/HTTPProxy"] = function()
    local result = progressing("Waiting for status")
    if obj.status and not obj.status.conditions and obj.status.currentStatus then
        return progressing(obj.status.description)
    end
    for _, found in ipairs(conditions()) do
        if is_valid_now(found) then
            if found.type == "Valid" and found.status == "True" then return healthy(obj.status.description) end
            if obj.spec.includes ~= nil and found.status == "False" then
                result = healthy("HTTPProxy inclusions cannot be health checked")
            elseif found.type == "Valid" and found.status == "False" then
                return degraded(obj.status.description)
            end
        end
    end
    return result
end

checks["route.openshift.io/Route"] = function()
    local ingresses = obj.status and obj.status.ingress
    local waiting = progressing("Route is still getting admitted")
    if ingresses == nil then return waiting end
    local rules, admitted, refused = 0, 0, 0
    for _, ingress in pairs(ingresses) do
        rules = rules + 1
        for _, found in pairs(ingress.conditions) do
            if found.type == "Admitted" and found.status == "True" then admitted = admitted + 1 end
            if found.type == "Admitted" and found.status == "False" then refused = refused + 1 end
        end
    end
    if admitted == rules then return healthy("Route is healthy") end
    return refused > 0 and degraded("Route is degraded") or waiting
end

checks["operator.openshift.io/IngressController"] = by_conditions({
    { "Degraded", "True", "Degraded" },
    { "DeploymentReplicasAllAvailable", "False", "Progressing" },
    { "Progressing", "True", "Progressing", reason_of },
    { "Available", "True", "Healthy", "IngressController is available" },
}, progressing("Status of IngressController is not known yet"))

checks["nmstate.io/NodeNetworkConfigurationPolicy"] = function()
    local by_type = { Available = healthy, Degraded = degraded, Progressing = progressing, Ignored = suspended }
    for _, found in ipairs(conditions()) do
        if found.status == "True" and by_type[found.type] then
            local message = found.reason
            if found.message ~= nil and found.message ~= "" then message = message .. ": " .. found.message end
            return by_type[found.type](message)
        end
    end
    return progressing("Waiting for policy to be applied")
end

checks["networking.gke.io/ManagedCertificate"] = function()
    local status = obj.status or {}
    for _, domain in ipairs(status.domainStatus or {}) do
        if domain.status == "FailedNotVisible" then
            return degraded("At least one certificate has failed to be provisioned")
        end
    end
    if status.certificateStatus == "Active" then return healthy("All certificates are active") end
    return progressing("At least one certificate is still being provisioned")
end

checks["proclaim.dogmatiq.io/DNSSDServiceInstance"] = function()
    local function last(kind)
        local result = { status = "Unknown" }
        for _, found in ipairs(conditions()) do
            if found.type == kind then result = found end
        end
        return result
    end
    local adopted, advertised, discovered = last("Adopted"), last("Advertised"), last("Discoverable")
    if adopted.status == "False" then return degraded(adopted.message) end
    if advertised.reason == "AdvertiseError" or advertised.reason == "UnadvertiseError" then
        return degraded(advertised.message)
    end
    if discovered.reason == "DiscoveryError" then return unknown(discovered.message) end
    if discovered.status == "True" then return healthy(discovered.message) end
    return progressing(discovered.message)
end

checks["install.istio.io/IstioOperator"] = function()
    local names = { [0] = "NONE", [1] = "UPDATING", [2] = "RECONCILING", [3] = "HEALTHY", [4] = "ERROR" }
    local state = obj.status and obj.status.status
    state = names[state] or state
    if state == "NONE" then return unknown("Component is not present.") end
    if state == "UPDATING" then return progressing("Component is being updated to a different version.") end
    if state == "RECONCILING" then
        return progressing("Controller has started but not yet completed reconciliation loop for the component.")
    end
    if state == "HEALTHY" then return healthy("Component is healthy.") end
    if state == "ERROR" then return degraded("Component is in an error state.") end
    return progressing("Waiting for Istio Control Plane")
end

checks["kiali.io/Kiali"] = by_conditions({
    { "Successful", "True", "Healthy" },
    { "Failure", "True", "Degraded" },
    { "Running", false, "Progressing", reason = "Running" },
}, progressing("Waiting for Kiali"))
