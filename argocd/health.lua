-- The health of a DatabaseMigration for Argo CD, which counts a kind without such a script as healthy at once and would
-- apply the next sync wave on a database that is not there yet. How to install it: docs/gitops.md.
local conditions = {}
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local ready = conditions["Ready"]
local reconciling = conditions["Reconciling"]
local stalled = conditions["Stalled"]
local suspended = obj.spec ~= nil and obj.spec.suspend == true
local gates = { AwaitingApproval = true, OutsideWindow = true }

local health = { status = "Progressing", message = "The operator has not looked at it yet." }
if ready ~= nil then health.message = ready.message end

if suspended and stalled ~= nil then
  health.status = "Degraded"
elseif suspended and reconciling == nil then
  health.status = "Suspended"
elseif status.observedGeneration ~= obj.metadata.generation then
  health.status = "Progressing"
elseif reconciling ~= nil and gates[reconciling.reason] then
  health.status = "Suspended"
elseif stalled ~= nil then
  health.status = "Degraded"
elseif ready ~= nil and ready.status == "True" then
  health.status = "Healthy"
end

return health
