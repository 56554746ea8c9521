-- Functions that the checks share. A check is a function without arguments that looks at the global `obj` and returns
-- its health.

checks = {}

local function of(status)
    return function(message) return { status = status, message = message } end
end

healthy, suspended, progressing = of("Healthy"), of("Suspended"), of("Progressing")
missing, degraded, unknown = of("Missing"), of("Degraded"), of("Unknown")
local by_name = {
    Healthy = healthy, Suspended = suspended, Progressing = progressing, Missing = missing, Degraded = degraded,
    Unknown = unknown,
}

-- Gives several kinds the same check.
function each(kinds, check)
    for _, kind in ipairs(kinds) do checks[kind] = check end
end

-- The conditions of an object, none where there are none.
function conditions() return obj.status and obj.status.conditions or {} end

-- The first condition of a type, with a status if one is given.
function condition(kind, status)
    for _, found in ipairs(conditions()) do
        if found.type == kind and (status == nil or found.status == status) then return found end
    end
    return nil
end

-- Whether the controller has seen the spec as it is.
function is_observed()
    local observed = obj.status and obj.status.observedGeneration
    return observed == nil or obj.metadata.generation == nil or observed == obj.metadata.generation
end

function reason_of(found) return found.reason end

-- Whether a condition is what a rule asks for.
local function applies(rule, found)
    return (rule[1] == nil or found.type == rule[1]) and (rule[2] == nil or found.status == rule[2])
        and (rule.reason == nil or found.reason == rule.reason)
        and (rule.reason_is_not == nil or found.reason ~= rule.reason_is_not)
end

-- Makes a check of rules `{ type, status, health, message }`, where `false` instead of type or status means any: the
-- first condition of the object that a rule applies to decides. The message is a text, a function of the condition, or
-- that of the condition, with `default` where it has none.
function by_conditions(rules, otherwise)
    for _, rule in ipairs(rules) do
        if rule[1] == false then rule[1] = nil end
        if rule[2] == false then rule[2] = nil end
    end
    return function()
        for _, found in ipairs(conditions()) do
            for _, rule in ipairs(rules) do
                if applies(rule, found) then
                    local message = rule[4]
                    if type(message) == "function" then message = message(found) end
                    return by_name[rule[3]](message or found.message or rule.default)
                end
            end
        end
        if type(otherwise) == "function" then return otherwise() end
        return otherwise
    end
end

-- The check of most controllers: condition `Ready`.
function by_ready(waiting)
    return by_conditions({ { "Ready", "False", "Degraded" }, { "Ready", "True", "Healthy" } }, progressing(waiting))
end

-- Makes a check of a field of the status: `states` maps its values to a health and a message.
function by_state(field, states, otherwise)
    return function()
        local state = (obj.status or {})[field]
        local found = state ~= nil and states[state]
        if found then return by_name[found[1]](found[2]) end
        if type(otherwise) == "function" then return otherwise(state) end
        return otherwise
    end
end

-- Counts the conditions that `is_it` accepts.
function count(is_it)
    local number = 0
    for _, found in pairs(conditions()) do
        if is_it(found) then number = number + 1 end
    end
    return number
end
