-- What people can do to objects of the kinds that are known. Each action has
--   run       what it does to `obj`; returns a list of operations, or nothing for a patch of `obj`
--   shown     whether there is such an action now (always, unless told)
--   disabled  whether it makes no sense now (it does, unless told)
--   icon, title, params

local os = require("os")

local function now() return os.date("!%Y-%m-%dT%H:%M:%SZ") end

-- Returns the map `name` of an object's metadata, made if it is not there.
local function metadata(name)
    obj.metadata = obj.metadata or {}
    obj.metadata[name] = obj.metadata[name] or {}
    return obj.metadata[name]
end

local function annotation(key) return ((obj.metadata or {}).annotations or {})[key] end
local function label(key) return ((obj.metadata or {}).labels or {})[key] end

local function annotate(key, value)
    return function() metadata("annotations")[key] = type(value) == "function" and value() or value end
end

local icons = {
    fast = "fa-solid fa-fw fa-forward", trash = "fa-solid fa-fw fa-trash", hold = "fa-solid fa-fw fa-pause",
    go = "fa-solid fa-fw fa-play", unlock = "fa-solid fa-fw fa-unlock", lock = "fa-solid fa-fw fa-lock",
}
local function icon(name) return icons[name] or name and "fa fa-fw fa-" .. name end

local function copy(value)
    if type(value) ~= "table" then return value end
    if next(value) == nil then return nil end
    local out = {}
    for key, item in pairs(value) do out[key] = copy(item) end
    return out
end

local function owner()
    return { apiVersion = obj.apiVersion, kind = obj.kind, name = obj.metadata.name, uid = obj.metadata.uid }
end

local function create(resource) return { { operation = "create", resource = resource } } end

-- Workloads

local function restart_template()
    local template = obj.spec.template
    template.metadata = template.metadata or {}
    template.metadata.annotations = template.metadata.annotations or {}
    template.metadata.annotations["kubectl.kubernetes.io/restartedAt"] = now()
end

local function scale()
    local text = actionParams["replicas"]
    local replicas = tonumber(text)
    if not replicas then error("invalid number: " .. text, 0) end
    obj.spec.replicas = replicas
end

local restart = { icon = "redo", run = restart_template }
local scaling = { icon = "plus-circle", params = { "replicas" }, run = scale }

local kinds = {}

kinds["apps/DaemonSet"] = { restart = restart }
kinds["apps/StatefulSet"] = { restart = restart, scale = scaling }
kinds["apps/Deployment"] = {
    restart = restart,
    scale = scaling,
    pause = {
        icon = "pause-circle",
        disabled = function() return obj.spec.paused end,
        run = function() obj.spec.paused = true end,
    },
    resume = {
        icon = "play-circle",
        disabled = function() return not obj.spec.paused end,
        run = function() obj.spec.paused = nil end,
    },
}

-- Jobs

local function suspended() return obj.spec.suspend end
local function suspend() obj.spec.suspend = true end
local function resume() if obj.spec.suspend then obj.spec.suspend = false end end

local function has_ended()
    local ends = { Complete = true, Failed = true, FailureTarget = true, SuccessCriteriaMet = true }
    for _, condition in pairs((obj.status or {}).conditions or {}) do
        if ends[condition.type] and condition.status == "True" then return true end
    end
    return false
end

kinds["batch/Job"] = {
    resume = { icon = "play", shown = function() return not has_ended() and suspended() end, run = resume },
    suspend = { icon = "pause", shown = function() return not has_ended() and not suspended() end, run = suspend },
    terminate = {
        icon = "stop",
        shown = function() return not has_ended() and obj.status ~= nil end,
        run = function()
            if obj.status == nil or has_ended() then return end
            obj.status.conditions = obj.status.conditions or {}
            table.insert(obj.status.conditions, {
                type = "FailureTarget", status = "True", reason = "ManuallyTerminated", lastTransitionTime = now(),
                message = "Job was terminated explicitly through Argo CD",
            })
        end,
    },
}

kinds["batch/CronJob"] = {
    resume = { icon = "play", shown = suspended, run = resume },
    suspend = { icon = "pause", shown = function() return not suspended() end, run = suspend },
    ["create-job"] = {
        icon = "plus",
        title = "Create Job",
        run = function()
            local template = obj.spec.jobTemplate
            local meta = copy(template.metadata) or {}
            meta.name = obj.metadata.name .. "-" .. os.date("!%y%m%d%H%M")
            meta.namespace = obj.metadata.namespace
            meta.annotations = meta.annotations or {}
            meta.annotations["cronjob.kubernetes.io/instantiate"] = "manual"
            local reference = owner()
            reference.blockOwnerDeletion, reference.controller = true, true
            meta.ownerReferences = { reference }
            return create({ apiVersion = "batch/v1", kind = "Job", metadata = meta, spec = copy(template.spec) })
        end,
    },
}

-- argoproj.io

local function is_promoted() return obj.status.currentPodHash == obj.status.stableRS end

local function has_pauses()
    local pauses = obj.status.pauseConditions
    return pauses ~= nil and #pauses > 0
end

local function is_paused()
    if obj.status ~= nil and obj.status.pauseConditions ~= nil then return has_pauses() end
    return obj.spec.paused
end

-- Controllers before 0.10 write a hash instead of the generation.
local function is_old()
    local observed = tonumber(obj.status.observedGeneration)
    return observed == nil or observed > obj.metadata.generation
end

local function steps()
    local canary = obj.spec.strategy.canary
    return canary and canary.steps
end

kinds["argoproj.io/Rollout"] = {
    restart = { title = "Restart Pods", run = function() obj.spec.restartAt = now() end },
    resume = {
        disabled = function() return not is_paused() end,
        run = function()
            if has_pauses() then obj.status.pauseConditions = nil end
            if obj.spec.paused then obj.spec.paused = false end
        end,
    },
    abort = {
        disabled = function() return is_promoted() or obj.status.abort end,
        run = function() obj.status.abort = true end,
    },
    retry = {
        disabled = function() return is_promoted() or not obj.status.abort end,
        run = function() obj.status.abort = nil end,
    },
    pause = {
        disabled = function() return is_promoted() or obj.status.abort or obj.spec.paused end,
        run = function() obj.spec.paused = true end,
    },
    ["promote-full"] = {
        disabled = function()
            if is_promoted() then return true end
            return is_old() and obj.spec.strategy.blueGreen ~= nil
        end,
        run = function()
            if obj.status == nil then return end
            if not is_old() then
                obj.status.promoteFull = true
                return
            end
            obj.status.abort = nil
            local all = obj.spec.strategy.canary.steps
            if all ~= nil then obj.status.currentStepIndex = #all end
        end,
    },
    ["skip-current-step"] = {
        disabled = function() return steps() == nil or obj.status.currentStepIndex == #steps() end,
        run = function()
            if obj.status == nil or steps() == nil or obj.status.currentStepIndex >= #steps() then return end
            if has_pauses() then obj.status.pauseConditions = nil end
            obj.status.currentStepIndex = obj.status.currentStepIndex + 1
        end,
    },
}

kinds["argoproj.io/AnalysisRun"] = {
    terminate = {
        disabled = function()
            local ends = { Successful = true, Failed = true, Error = true, Inconclusive = true }
            return obj.spec.terminate or ends[obj.status.phase]
        end,
        run = function() obj.spec.terminate = true end,
    },
}

local function syncs_by_itself()
    local automated = ((obj.spec or {}).syncPolicy or {}).automated
    return automated ~= nil and automated.enabled ~= false
end

kinds["argoproj.io/Application"] = {
    ["toggle-auto-sync"] = {
        title = function() return syncs_by_itself() and "Disable Auto-Sync" or "Enable Auto-Sync" end,
        run = function()
            local enabled = not syncs_by_itself()
            obj.spec = obj.spec or {}
            obj.spec.syncPolicy = obj.spec.syncPolicy or {}
            obj.spec.syncPolicy.automated = obj.spec.syncPolicy.automated or {}
            obj.spec.syncPolicy.automated.enabled = enabled
        end,
    },
}

local function workflow()
    return {
        apiVersion = "argoproj.io/v1alpha1",
        kind = "Workflow",
        metadata = {
            name = obj.metadata.name .. "-" .. os.date("!%Y%m%d%H%M"),
            namespace = obj.metadata.namespace,
            ownerReferences = { owner() },
        },
    }
end

kinds["argoproj.io/CronWorkflow"] = {
    ["create-workflow"] = {
        icon = "plus",
        title = "Create Workflow",
        run = function()
            local made, given = workflow(), obj.spec.workflowMetadata or {}
            local labels, annotations = copy(given.labels) or {}, copy(given.annotations) or {}
            labels["workflows.argoproj.io/cron-workflow"] = obj.metadata.name
            labels["workflows.argoproj.io/controller-instanceid"] = label("workflows.argoproj.io/controller-instanceid")
                or labels["workflows.argoproj.io/controller-instanceid"]
            -- The day is there twice, as controllers have read it for years.
            annotations["workflows.argoproj.io/scheduled-time"] = os.date("!%Y-%m-%dT%d:%H:%MZ")
            made.metadata.labels, made.metadata.annotations = labels, annotations
            made.finalizers = copy(given.finalizers) or {}
            made.spec = copy(obj.spec.workflowSpec)
            return create(made)
        end,
    },
}

kinds["argoproj.io/WorkflowTemplate"] = {
    ["create-workflow"] = {
        icon = "plus",
        title = "Create Workflow",
        run = function()
            local made = workflow()
            made.metadata.labels = { ["workflows.argoproj.io/workflow-template"] = obj.metadata.name }
            made.spec = { workflowTemplateRef = { name = obj.metadata.name } }
            return create(made)
        end,
    },
}

kinds["promoter.argoproj.io/PullRequest"] = {
    merge = {
        icon = "code-merge",
        title = "Merge PR",
        disabled = function() return obj.spec.state ~= "open" end,
        run = function() obj.spec.state = "merged" end,
    },
}

-- Flux

local flux_suspension = {
    suspend = { disabled = suspended, run = suspend },
    resume = { disabled = function() return not suspended() end, run = resume },
}
local flux = {
    suspend = flux_suspension.suspend,
    resume = flux_suspension.resume,
    reconcile = {
        disabled = suspended,
        run = annotate("reconcile.fluxcd.io/requestedAt", function()
            return "By Argo CD at: " .. os.date("!%Y-%m-%dT%H:%M:%S")
        end),
    },
}
for _, kind in ipairs({
    "helm.toolkit.fluxcd.io/HelmRelease", "kustomize.toolkit.fluxcd.io/Kustomization",
    "source.toolkit.fluxcd.io/GitRepository", "source.toolkit.fluxcd.io/OCIRepository",
    "source.toolkit.fluxcd.io/Bucket", "source.toolkit.fluxcd.io/HelmChart",
    "source.toolkit.fluxcd.io/HelmRepository", "image.toolkit.fluxcd.io/ImageRepository",
    "image.toolkit.fluxcd.io/ImageUpdateAutomation", "notification.toolkit.fluxcd.io/Receiver",
}) do
    kinds[kind] = flux
end
kinds["notification.toolkit.fluxcd.io/Alert"] = flux_suspension
kinds["notification.toolkit.fluxcd.io/Provider"] = flux_suspension

-- External secrets

local function never_refreshed()
    local interval = obj.spec.refreshInterval
    if interval == nil then return false end
    interval = tostring(interval)
    for _, unit in ipairs({ "", "ns", "us", "µs", "ms", "s", "m", "h" }) do
        if interval == "0" .. unit then return true end
    end
    return false
end

kinds["external-secrets.io/ExternalSecret"] = {
    refresh = {
        disabled = function() return never_refreshed() and obj.spec.refreshPolicy ~= "OnChange" end,
        run = annotate("force-sync", now),
    },
}
kinds["external-secrets.io/PushSecret"] = { push = { disabled = never_refreshed, run = annotate("force-sync", now) } }

-- KEDA

local PAUSED, PAUSED_REPLICAS = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"
local function keda_paused() return annotation(PAUSED) == "true" end
local function keda_holds() return keda_paused() or annotation(PAUSED_REPLICAS) ~= nil end
local function keda_resume()
    if obj.metadata and obj.metadata.annotations then
        obj.metadata.annotations[PAUSED], obj.metadata.annotations[PAUSED_REPLICAS] = nil, nil
    end
end

kinds["keda.sh/ScaledJob"] = {
    pause = { icon = "pause-circle", disabled = keda_paused, run = annotate(PAUSED, "true") },
    resume = { icon = "play-circle", disabled = function() return not keda_paused() end, run = keda_resume },
}
kinds["keda.sh/ScaledObject"] = {
    pause = { icon = "pause-circle", disabled = keda_holds, run = annotate(PAUSED, "true") },
    resume = { icon = "play-circle", disabled = function() return not keda_holds() end, run = keda_resume },
    ["paused-replicas"] = {
        icon = "pause-circle",
        disabled = keda_paused,
        params = { "replicas" },
        run = function()
            local text = actionParams["replicas"]
            if not text then error("replicas parameter is required", 0) end
            local replicas = tonumber(text)
            if not replicas or replicas < 0 then
                error("invalid number: " .. text .. " (must be >= 0)", 0)
            end
            metadata("annotations")[PAUSED_REPLICAS] = tostring(replicas)
        end,
    },
}

-- Databases

kinds["k8s.mariadb.com/MariaDB"] = {
    resume = { icon = "play", title = "Resume", shown = function() return suspended() == true end, run = resume },
    suspend = {
        icon = "pause",
        title = "Suspend",
        shown = function() return suspended() ~= true end,
        run = function() if obj.spec ~= nil then obj.spec.suspend = true end end,
    },
}

kinds["psmdb.percona.com/PerconaServerMongoDB"] = {
    pause = {
        icon = "pause-circle",
        disabled = function() return obj.spec.pause == true end,
        run = function() obj.spec.pause = true end,
    },
    unpause = {
        icon = "play-circle",
        disabled = function() return obj.spec.pause ~= true end,
        run = function() obj.spec.pause = false end,
    },
}

local LOOP = "cnpg.io/reconciliationLoop"
local function chosen_instance(wanted)
    local healthy = obj.status.instancesStatus.healthy
    if wanted == "any" then
        for index, name in ipairs(healthy) do
            if name == obj.status.currentPrimary then return healthy[index % #healthy + 1] end
        end
        return healthy[1]
    end
    if tonumber(wanted) then wanted = obj.metadata.name .. "-" .. wanted end
    for _, name in ipairs(healthy) do
        if name == wanted then return name end
    end
    return nil
end

kinds["postgresql.cnpg.io/Cluster"] = {
    restart = {
        icon = "recycle",
        title = "Rollout restart Cluster",
        run = annotate("kubectl.kubernetes.io/restartedAt", now),
    },
    reload = { icon = "rotate-right", title = "Reload all Configuration", run = annotate("cnpg.io/reloadedAt", now) },
    resume = {
        icon = "play",
        title = "Resume Reconciliation",
        shown = function() return annotation(LOOP) == "disabled" end,
        run = function() metadata("annotations")[LOOP] = nil end,
    },
    suspend = {
        icon = "pause",
        title = "Suspend Reconciliation",
        shown = function() return annotation(LOOP) ~= "disabled" end,
        run = annotate(LOOP, "disabled"),
    },
    promote = {
        icon = "angles-up",
        title = "Promote Replica to Primary",
        params = { "instance" },
        disabled = function()
            local healthy = (obj.status.instancesStatus or {}).healthy
            return not healthy or #healthy < 2
        end,
        run = function()
            local wanted = actionParams["instance"]
            local chosen = wanted and chosen_instance(wanted)
            if not chosen then error("Could not find a healthy instance matching the criteria: " .. wanted, 0) end
            obj.status.targetPrimary = chosen
            obj.status.targetPrimaryTimestamp = now()
            obj.status.phase = "Switchover in progress"
            obj.status.phaseReason = "Switching over to " .. chosen
        end,
    },
}

kinds["core.strimzi.io/StrimziPodSet"] = {
    ["rolling-update"] = {
        disabled = function() return annotation("strimzi.io/manual-rolling-update") == "true" end,
        run = annotate("strimzi.io/manual-rolling-update", "true"),
    },
}

-- Numaflow and Numaplane

local FORCE, UPGRADE = "numaplane.numaproj.io/force-promote", "numaplane.numaproj.io/upgrade-state"
local STRATEGIES, STRATEGY = "numaflow.numaproj.io/allowed-resume-strategies", "numaflow.numaproj.io/resume-strategy"

local force_promote = {
    icon = "fast",
    title = "Force Promote",
    disabled = function()
        local upgrades = label(UPGRADE) == "in-progress" or label(UPGRADE) == "trial"
        return not upgrades or label(FORCE) == "true"
    end,
    run = function() metadata("labels")[FORCE] = "true" end,
}
kinds["numaflow.numaproj.io/InterStepBufferService"] = {
    ["force-promote"] = { icon = "fast", disabled = force_promote.disabled, run = force_promote.run },
}

-- `flow` returns the spec that has the lifecycle, `hints` the annotations that say how it may go on.
local function lifecycle_actions(flow, hints, is_free, go_on)
    local function paused() return (flow().lifecycle or {}).desiredPhase == "Paused" end
    local function blocked(is_fast)
        return function()
            if not is_free() or not paused() then return true end
            local allowed = hints()
            if allowed == "slow, fast" then return false end
            return (allowed == "fast") ~= is_fast
        end
    end
    local function unpause(strategy)
        return function()
            flow().lifecycle.desiredPhase = "Running"
            go_on(strategy)
        end
    end
    return {
        pause = {
            icon = "hold",
            disabled = function() return not is_free() or paused() end,
            run = function()
                flow().lifecycle = flow().lifecycle or {}
                flow().lifecycle.desiredPhase = "Paused"
            end,
        },
        ["unpause-fast"] = { icon = "go", title = "Unpause (fast)", disabled = blocked(true), run = unpause("fast") },
        ["unpause-gradual"] = {
            icon = "go", title = "Unpause (gradual)", disabled = blocked(false), run = unpause("slow"),
        },
    }
end

local function is_owned_by(kind)
    for _, reference in ipairs((obj.metadata or {}).ownerReferences or {}) do
        if reference.kind == kind then return true end
    end
    return false
end

local function own_hints() return ((obj.spec.metadata or {}).annotations or {})[STRATEGIES] end
local function own_spec() return obj.spec end

kinds["numaflow.numaproj.io/MonoVertex"] = lifecycle_actions(own_spec, own_hints,
    function() return not is_owned_by("MonoVertexRollout") end,
    function(strategy) if strategy == "slow" then obj.spec.replicas = nil end end)
kinds["numaflow.numaproj.io/MonoVertex"]["force-promote"] = force_promote

kinds["numaflow.numaproj.io/Pipeline"] = lifecycle_actions(own_spec, own_hints,
    function() return not is_owned_by("PipelineRollout") or label(UPGRADE) == "recyclable-expired" end,
    function(strategy) metadata("annotations")[STRATEGY] = strategy end)
kinds["numaflow.numaproj.io/Pipeline"]["force-promote"] = force_promote
kinds["numaflow.numaproj.io/Pipeline"].delete = {
    icon = "trash",
    title = "Delete",
    disabled = function() return label(UPGRADE) ~= "recyclable" and label(UPGRADE) ~= "recyclable-expired" end,
    run = function() metadata("annotations")["numaplane.numaproj.io/marked-for-deletion"] = "true" end,
}

local function rollout_actions(part)
    return lifecycle_actions(function() return obj.spec[part].spec end,
        function() return ((obj.spec[part].metadata or {}).annotations or {})[STRATEGIES] end,
        function() return true end,
        function(strategy)
            obj.spec.strategy = obj.spec.strategy or {}
            obj.spec.strategy.pauseResume = obj.spec.strategy.pauseResume or {}
            obj.spec.strategy.pauseResume.fastResume = strategy == "fast"
        end)
end

local LOSS = "numaplane.numaproj.io/allow-data-loss"
kinds["numaplane.numaproj.io/MonoVertexRollout"] = rollout_actions("monoVertex")
kinds["numaplane.numaproj.io/PipelineRollout"] = rollout_actions("pipeline")
kinds["numaplane.numaproj.io/PipelineRollout"]["allow-data-loss"] = {
    icon = "unlock",
    title = "Allow (Possible) Data Loss",
    disabled = function() return (obj.status or {}).upgradeInProgress ~= "PipelinePauseAndDrain" end,
    run = annotate(LOSS, "true"),
}
kinds["numaplane.numaproj.io/PipelineRollout"]["disallow-data-loss"] = {
    icon = "lock",
    title = "Disallow Data Loss",
    disabled = function() return annotation(LOSS) ~= "true" end,
    run = annotate(LOSS, "false"),
}

-- Asked from outside

function discover(kind)
    local found = {}
    for name, action in pairs(kinds[kind] or {}) do
        if not action.shown or action.shown() then
            local title = action.title
            local entry = {
                disabled = action.disabled and action.disabled() and true or false,
                iconClass = icon(action.icon),
                displayName = type(title) == "function" and title() or title,
            }
            if action.params then
                entry.params = {}
                for i, param in ipairs(action.params) do entry.params[i] = { name = param } end
            end
            found[name] = entry
        end
    end
    return found
end

function exists(kind, name) return kinds[kind] ~= nil and kinds[kind][name] ~= nil end

function run(kind, name) return kinds[kind][name].run() or obj end
