-- Flux, KEDA and the GitOps Promoter.

-- Flux counts what holds. `enough` conditions that hold are healthy, two that are still moving are progressing.
-- `moving` is the status of `Ready` that counts as moving, `reconciling` tells which `Reconciling` does.
local function flux(options)
    return function()
        if options.suspends and obj.spec.suspend == true then return suspended(obj.kind .. " is suspended") end
        if options.before then
            local result = options.before()
            if result then return result end
        end
        if obj.status == nil or obj.status.conditions == nil then return progressing("Status unknown") end
        local moving, good, message = 0, 0, ""
        for _, found in ipairs(obj.status.conditions) do
            local holds = found.status == "True"
            if found.type == "Ready" then
                if holds then good = good + 1 elseif found.status == options.moving then moving = moving + 1 end
                message = found.reason
            elseif found.type == "Reconciling" then
                if holds and (options.reconciling == nil or options.reconciling[found.reason]) then moving = moving + 1 end
            elseif options.good and options.good[found.type] then
                if holds then good = good + 1 end
            elseif options.notes and options.notes[found.type] and holds then
                message = message .. " " .. found.reason
            end
        end
        if moving == 2 and not options.fails then return progressing(message) end
        if moving ~= 2 and good == options.enough then return healthy(message) end
        return degraded(message)
    end
end

checks["helm.toolkit.fluxcd.io/HelmRelease"] =
    flux({ suspends = true, moving = "Unknown", enough = 2, good = { Released = true, TestSuccess = true } })
each({ "kustomize.toolkit.fluxcd.io/Kustomization", "image.toolkit.fluxcd.io/ImageUpdateAutomation" },
    flux({ suspends = true, moving = "Unknown", enough = 1 }))
checks["image.toolkit.fluxcd.io/ImagePolicy"] = flux({
    moving = "False", enough = 1,
    reconciling = { NewGeneration = true, AccessingRepository = true, ApplyingPolicy = true },
})
checks["image.toolkit.fluxcd.io/ImageRepository"] = flux({
    suspends = true, moving = "False", enough = 1, reconciling = { NewGeneration = true, Scanning = true },
})
checks["notification.toolkit.fluxcd.io/Receiver"] = flux({ suspends = true, moving = "False", enough = 1, fails = true })

local source = {
    suspends = true, moving = "Unknown", enough = 2, good = { ArtifactInStorage = true },
    notes = { ArtifactOutdated = true },
}
each({
    "source.toolkit.fluxcd.io/Bucket", "source.toolkit.fluxcd.io/GitRepository", "source.toolkit.fluxcd.io/HelmChart",
    "source.toolkit.fluxcd.io/OCIRepository",
}, flux(source))
checks["source.toolkit.fluxcd.io/HelmRepository"] = flux({
    suspends = true, moving = "Unknown", enough = 2, good = source.good, notes = source.notes,
    before = function()
        if obj.spec.type ~= "oci" then return nil end
        return healthy("Helm repositories of type 'oci' do not contain any information in the status.")
    end,
})

-- KEDA: `failures` are the conditions that mean failure.
local function keda(failures, waiting)
    return function()
        local ready, paused, failed, message = false, false, false, nil
        for _, found in ipairs(conditions()) do
            local fails = failures[found.type] and failures[found.type][found.status]
            local is_ready = found.type == "Ready" and found.status == "True"
            local is_paused = found.type == "Paused" and found.status == "True"
            if fails or is_ready or is_paused then message = found.message end
            failed, ready, paused = failed or fails, ready or is_ready, paused or is_paused
        end
        if failed then return degraded(message) end
        if ready then return (paused and suspended or healthy)(message) end
        return progressing(waiting)
    end
end
checks["keda.sh/ScaledJob"] = keda({ Ready = { False = true, Unknown = true } }, "Waiting for ScaledJob")
checks["keda.sh/ScaledObject"] =
    keda({ Ready = { False = true }, Fallback = { True = true } }, "Creating HorizontalPodAutoscaler Object")

-- GitOps Promoter

local FINALIZERS = {
    ["changetransferpolicy.promoter.argoproj.io/finalizer"] =
        "Waiting to clear related PullRequest finalizers and finish cleanup before this policy is removed. Risk if "
        .. "removed manually: The 'changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer' finalizer may not "
        .. "be cleaned up from PullRequests owned by this ChangeTransferPolicy.",
    ["clusterscmprovider.promoter.argoproj.io/finalizer"] =
        "Waiting until no GitRepository still references this cluster-wide SCM provider. Risk if removed manually: "
        .. "GitRepository objects can reference a provider that no longer exists.",
    ["scmprovider.promoter.argoproj.io/finalizer"] =
        "Waiting until no GitRepository in this namespace still references this provider. Risk if removed manually: "
        .. "GitRepository objects can reference a provider that no longer exists.",
    ["gitrepository.promoter.argoproj.io/finalizer"] =
        "Waiting until no non-deleting PullRequests still reference this repository. Risk if removed manually: "
        .. "repository metadata may be removed while promotions still depend on it.",
    ["pullrequest.promoter.argoproj.io/finalizer"] =
        "Waiting for SCM closure or reconciliation of the pull request. Risk if removed manually: the real PR can stay "
        .. "open after the CR is gone.",
    ["changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer"] =
        "Waiting for the ChangeTransferPolicy to observe PR identity and state. Risk if removed manually: promotion "
        .. "status or history can be wrong or racy.",
}

-- What every kind has in common: deletion, and a condition that says whether it was reconciled. `then_what` goes on.
local function promoter(texts, then_what)
    local kinds = texts.conditions or { Ready = true }
    return function()
        if obj.metadata.deletionTimestamp then
            local parts = { texts.deleting }
            for _, finalizer in ipairs(texts.finalizers and obj.metadata.finalizers or {}) do
                if texts.finalizers[finalizer] then
                    table.insert(parts, finalizer .. ": " .. FINALIZERS[finalizer])
                end
            end
            return progressing(table.concat(parts, " "))
        end
        if not obj.status then return progressing("Initializing " .. texts.name) end
        local is_there = false
        for _, found in ipairs(obj.status.conditions or {}) do
            if kinds[found.type] then
                is_there = true
                local seen, generation = found.observedGeneration, obj.metadata.generation
                if seen and generation and seen ~= generation then
                    return progressing("Waiting for " .. texts.spec .. " spec update to be observed")
                end
                local reason = found.reason or "Unknown"
                if found.status == "False" then
                    local message = found.message or "Unknown error"
                    if reason == "ReconciliationError" then return degraded(texts.failed .. ": " .. message) end
                    return degraded((texts.not_ready or texts.failed) .. " (" .. reason .. "): " .. message)
                end
                if found.status == "Unknown" and texts.unknown then
                    local message = found.message or "Unknown"
                    return progressing(texts.unknown .. " (" .. reason .. "): " .. message)
                end
            end
        end
        if not is_there then return progressing(texts.absent) end
        return then_what()
    end
end

local function short(sha) return sha and string.sub(sha, 1, 7) or "" end

local function tally(statuses)
    local result = { pending = {}, failed = {}, success = 0 }
    for _, status in ipairs(statuses or {}) do
        if status.phase == "pending" then table.insert(result.pending, status.key or "") end
        if status.phase == "failure" then table.insert(result.failed, status.key or "") end
        if status.phase == "success" then result.success = result.success + 1 end
    end
    return result
end

local function tally_text(found)
    local text = #found.pending .. " pending, " .. found.success .. " successful, " .. #found.failed .. " failed. "
    if #found.pending > 0 then
        text = text .. "Pending commit statuses: " .. table.concat(found.pending, ", ") .. ". "
    end
    if #found.failed > 0 then text = text .. "Failed commit statuses: " .. table.concat(found.failed, ", ") .. ". " end
    return text
end

local function dry_sha(side)
    local sha = side and side.dry and side.dry.sha
    return sha ~= "" and sha or nil
end

checks["promoter.argoproj.io/ArgoCDCommitStatus"] = promoter({
    deleting = "Argo CD commit status is being deleted",
    name = "Argo CD commit status", spec = "Argo CD commit status",
    failed = "Argo CD commit status reconciliation failed", absent = "Argo CD commit status is not ready yet",
}, function()
    local selected = obj.status.applicationsSelected
    if not selected or #selected == 0 then return degraded("Argo CD commit status has no applications configured") end
    return healthy("Argo CD commit status is healthy and is tracking " .. #selected .. " applications")
end)

checks["promoter.argoproj.io/ChangeTransferPolicy"] = promoter({
    deleting = "Change transfer policy is being deleted.",
    finalizers = { ["changetransferpolicy.promoter.argoproj.io/finalizer"] = true },
    name = "change transfer policy", spec = "change transfer policy",
    failed = "Change transfer policy reconciliation failed", absent = "Change transfer policy is not ready yet",
}, function()
    local active, proposed = dry_sha(obj.status.active), dry_sha(obj.status.proposed)
    if not active then return progressing("The active commit DRY SHA is missing or empty.") end
    if not proposed then return progressing("The proposed commit DRY SHA is missing or empty.") end
    if proposed ~= active then
        return progressing("Promotion in progress from '" .. short(active) .. "' to '" .. short(proposed) .. "': "
            .. tally_text(tally(obj.status.proposed.commitStatuses)))
    end
    local found = tally(obj.status.active.commitStatuses)
    if #found.pending + #found.failed > 0 then
        return healthy("Environment is up-to-date, but there are non-successful active commit statuses: "
            .. tally_text(found))
    end
    return healthy("Environment is up-to-date on commit " .. short(active) .. ".")
end)

local function provider(kind, prefix, name)
    return promoter({
        deleting = kind .. " is being deleted.", finalizers = { [prefix .. ".promoter.argoproj.io/finalizer"] = true },
        name = name, spec = kind, failed = name:gsub("^%l", string.upper) .. " validation failed",
        not_ready = name:gsub("^%l", string.upper) .. " not ready",
        unknown = name:gsub("^%l", string.upper) .. " readiness unknown",
        absent = kind .. " Ready condition is missing",
    }, function() return healthy((name:gsub("^%l", string.upper)) .. " is ready") end)
end
checks["promoter.argoproj.io/ClusterScmProvider"] =
    provider("ClusterScmProvider", "clusterscmprovider", "cluster SCM provider")
checks["promoter.argoproj.io/ScmProvider"] = provider("ScmProvider", "scmprovider", "SCM provider")

checks["promoter.argoproj.io/GitRepository"] = promoter({
    deleting = "GitRepository is being deleted.",
    finalizers = { ["gitrepository.promoter.argoproj.io/finalizer"] = true },
    name = "Git repository", spec = "GitRepository", failed = "Git repository validation failed",
    not_ready = "Git repository not ready", unknown = "Git repository readiness unknown",
    absent = "GitRepository Ready condition is missing",
}, function() return healthy("Git repository is ready") end)

checks["promoter.argoproj.io/CommitStatus"] = promoter({
    deleting = "Commit status is being deleted", name = "commit status", spec = "commit status",
    failed = "Commit status reconciliation failed", absent = "Commit status is not ready yet",
}, function()
    local sha, phase = obj.status.sha, obj.status.phase
    if not sha or not phase then return healthy("Commit status is healthy") end
    return healthy("Commit status for commit " .. sha .. " reports " .. phase)
end)

checks["promoter.argoproj.io/PullRequest"] = promoter({
    conditions = { Ready = true, Reconciled = true },
    deleting = "Pull request is being deleted.",
    finalizers = {
        ["pullrequest.promoter.argoproj.io/finalizer"] = true,
        ["changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer"] = true,
    },
    name = "pull request", spec = "pull request", failed = "Pull request reconciliation failed",
    absent = "Pull request is not ready yet",
}, function()
    local id, state = obj.status.id, obj.status.state
    if not id or not state then return healthy("Pull request is healthy") end
    return healthy("Pull request is " .. state .. " as PR " .. id)
end)

-- Gates: one phase a branch.
local function gate(kind, name, texts)
    return promoter({
        deleting = kind .. " is being deleted", name = name, spec = kind, failed = texts.failed,
        not_ready = texts.not_ready, unknown = texts.unknown, absent = kind .. " Ready condition is missing",
    }, function()
        local all = obj.status.environments
        if not all or #all == 0 then return healthy(texts.reconciled) end
        local failed, pending, passed = {}, {}, 0
        for _, environment in ipairs(all) do
            local branch = environment.branch or "?"
            if environment.phase == "failure" then
                table.insert(failed, branch)
            elseif environment.phase == "success" then
                passed = passed + 1
            else
                table.insert(pending, branch)
            end
        end
        if #failed > 0 then return degraded(texts.branches .. " failed for branch(es): " .. table.concat(failed, ", ")) end
        if #pending > 0 then
            return progressing(texts.branches .. " pending for branch(es): " .. table.concat(pending, ", "))
        end
        return healthy(texts.passed .. " for " .. tostring(passed) .. " environment(s)")
    end)
end
local function gate_texts(what, short_name, verb, unknown_text)
    return {
        failed = what .. " failed", not_ready = what .. " not ready", unknown = what .. unknown_text,
        reconciled = what .. " reconciled", branches = short_name, passed = short_name .. " " .. verb,
    }
end
checks["promoter.argoproj.io/GitCommitStatus"] = gate("GitCommitStatus", "git commit validation",
    gate_texts("Git commit validation", "Git commit validation", "passed", " status unknown"))
checks["promoter.argoproj.io/TimedCommitStatus"] = gate("TimedCommitStatus", "timed commit gate",
    gate_texts("Timed commit gate", "Timed commit gate", "satisfied", " status unknown"))
checks["promoter.argoproj.io/WebRequestCommitStatus"] = gate("WebRequestCommitStatus", "web request commit validation",
    gate_texts("Web request commit validation", "Web request validation", "passed", " unknown"))

-- The commit that the hydrator has processed, which a note may tell.
local function hydrated(environment)
    local note = environment.proposed and environment.proposed.note and environment.proposed.note.drySha
    if note ~= nil and note ~= "" then return note end
    return dry_sha(environment.proposed)
end

checks["promoter.argoproj.io/PromotionStrategy"] = promoter({
    deleting = "Promotion strategy is being deleted", name = "promotion strategy", spec = "promotion strategy",
    failed = "Promotion strategy reconciliation failed", absent = "Promotion strategy is not ready yet",
}, function()
    local all = obj.status.environments
    if not all or #all == 0 then return degraded("Promotion strategy has no environments configured") end
    for _, environment in ipairs(all) do
        local where = " commit DRY SHA is missing or empty in environment '" .. environment.branch .. "'."
        if not dry_sha(environment.active) then return progressing("The active" .. where) end
        if not hydrated(environment) then return progressing("The proposed" .. where) end
    end
    local target = hydrated(all[1])
    for _, environment in ipairs(all) do
        if hydrated(environment) ~= target then
            return progressing("Not all environments have the same proposed commit SHA. This likely means the hydrator "
                .. "has not run for all environments yet.")
        end
    end
    for _, environment in ipairs(all) do
        local from, to = environment.active.dry.sha, environment.proposed.dry.sha
        if from ~= to then
            return progressing("Promotion in progress for environment '" .. environment.branch .. "' from '"
                .. short(from) .. "' to '" .. short(to) .. "': " .. tally_text(tally(environment.proposed.commitStatuses))
                .. "Hydrator has processed dry commit '" .. short(hydrated(environment)) .. "'. ")
        end
    end
    local troubled = {}
    for _, environment in ipairs(all) do
        local found = tally(environment.active.commitStatuses)
        if #found.pending + #found.failed > 0 then
            table.insert(troubled, environment.branch .. " (" .. #found.failed .. " failed, " .. #found.pending
                .. " pending)")
        end
    end
    if #troubled > 0 then
        return healthy("Environments are up-to-date, but some environments have non-successful commit statuses: "
            .. table.concat(troubled, ", ") .. ".")
    end
    return healthy("All environments are up-to-date on commit '" .. short(all[1].active.dry.sha)
        .. "'. Hydrator has processed dry commit '" .. short(target) .. "'.")
end)
