metadata description = 'Alerts that the operator needs within minutes. Each runs a query over the log events of the last 15 minutes, or 30 for a missing heartbeat, every 5 minutes.'

@description('Suffix of all names: the hash of subscription, environment and region.')
@minLength(5)
@maxLength(13)
param token string

@description('Region of the rules. It must be the region of the workspace.')
param location string

@description('Tags of all resources.')
param tags { *: string }

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Address that gets a mail. Empty means that no mail is sent and alerts appear only in the portal.')
@maxLength(254)
param email string

@description('Number of failed sign-ins within 15 minutes that counts as normal.')
@minValue(0)
@maxValue(100000)
param signInFailureThreshold int

@description('Selects the log lines for the rules. Every event of the product is one line of JSON with its name in `event` (shared/telemetry/events.ts). The second condition selects the line that the Functions host writes when it moves a message to a poison queue. Its `event` is empty.')
var events = '''
| where Message startswith "{" or Message startswith "Message has reached MaxDequeueCount"
| extend fields = parse_json(Message)
| extend event = tostring(fields.event), code = tostring(fields.code)
'''

@description('Where a rule finds the log lines, if that is not simply the table. A rule that asks for what is missing must also answer while a new workspace has no such table: `union isfuzzy=true` ignores a table that does not exist.')
var sources = {
  heartbeat: '''
union isfuzzy=true AppTraces, (datatable(TimeGenerated: datetime, Message: string) [])
'''
}

@description('How far a rule looks back, if not 15 minutes.')
var windowSizes = { heartbeat: 'PT30M' }

@description('The alert rules. An event has a `code` only if something failed, and it names the reason.')
var rules = [
  {
    name: 'poison'
    displayName: 'A message was moved to the poison queue'
    description: 'A sign-in was not provisioned after all attempts, or the host could not decode a message and did not run the app. The message is kept in ProvisioningFailures or in the poison queue: see docs/operations.md.'
    severity: 1
    threshold: 0
    // A message that is not base64 never reaches this product's code. Only the host writes a line, which ends with the queue's name.
    query: '''
| where event == "provision.failure" or Message endswith "'provision-poison'."
'''
  }
  {
    name: 'sync'
    displayName: 'A sync to LiteLLM was given up'
    description: 'A user, team or organization was not synced to LiteLLM after all attempts. A user may lack access in LiteLLM or still have it. The message is kept in ProvisioningFailures or in the poison queue: see docs/operations.md.'
    severity: 1
    threshold: 0
    query: '''
| where event == "sync.failure" or Message endswith "'litellm-sync-poison'."
'''
  }
  {
    name: 'provisioning'
    displayName: 'Provisioning failed'
    description: 'Provisioning failed for a reason that further attempts cannot fix. After the last attempt, the message moves to the poison queue.'
    severity: 2
    threshold: 0
    query: '''
| where event == "provision.user" and isnotempty(code) and tostring(fields.retryable) != "true"
'''
  }
  {
    name: 'signIn'
    displayName: 'Many sign-ins fail'
    description: 'More sign-ins failed than usual, for reasons that neither the user nor a stranger can cause. The code in the event names the reason.'
    severity: 2
    threshold: signInFailureThreshold
    // Excludes codes that anyone can cause without an account, with an old link, with a code of their own, or by declining the
    // consent, and every refusal that only the query of the callback states.
    query: '''
| where event in ("signin.start", "signin.complete") and isnotempty(code)
| where code !in ("attempt_missing", "state_mismatch", "code_missing", "callback_malformed", "code_refused", "consent_declined")
| where tostring(fields.source) != "query"
'''
  }
  {
    name: 'operator'
    displayName: 'The operator must decide or fix something'
    description: 'The settings are not valid, the assigned groups cannot be read (permission missing), a daily repair fails, the LiteLLM proxy refuses the key, gives it too few rights, has an unsafe version or is not at its address, or the brake held back a new list of groups. GET /api/health/detail says what to do.'
    severity: 1
    threshold: 0
    query: '''
| where event == "configuration.fault"
    or (event == "groups.refresh" and (tostring(fields.decision) == "held_back" or isnotempty(tostring(fields.organizationFailure))))
    or (event in ("groups.refresh", "members.repair", "sync.repair") and isnotempty(code) and tostring(fields.retryable) != "true")
    or (event in ("sync.person", "sync.entity") and tostring(fields.reason) in ("litellm_key_refused", "litellm_right_missing", "litellm_version_unsafe", "litellm_answer_invalid"))
    or (event in ("sync.repair", "litellm.check") and code in ("litellm_key_refused", "litellm_right_missing", "litellm_version_unsafe", "litellm_answer_invalid"))
'''
  }
  {
    name: 'heartbeat'
    displayName: 'No heartbeat for 30 minutes'
    description: 'The app does not run its timers, cannot read its storage, has invalid settings, or sends no logs. Probably nothing is provisioned and no other alert can be trusted: see docs/operations.md.'
    severity: 1
    threshold: 0
    // Without `by`, the answer is one row even if there are no lines. A heartbeat that failed has a code.
    query: '''
| summarize beats = countif(event == "heartbeat" and isempty(code))
| where beats == 0
'''
  }
  {
    name: 'timer'
    displayName: 'A timer does not run or does not succeed'
    description: 'A timer has not succeeded for more than twice its period. The heartbeat names it: see docs/operations.md.'
    severity: 2
    threshold: 0
    query: '''
| where event == "heartbeat"
| mv-expand timer = fields.timers
| where todouble(timer.ageSeconds) > 2 * todouble(timer.periodSeconds)
'''
  }
  {
    name: 'queue'
    displayName: 'A message waits for longer than 10 minutes'
    description: 'A queue has a message that the app could take and has not taken for more than 10 minutes: the queue function does not run, or cannot keep up. See docs/operations.md.'
    severity: 1
    threshold: 0
    query: '''
| where event == "heartbeat"
| mv-expand queue = fields.queues
| where todouble(queue.oldestSeconds) > 600
'''
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'LiteLLMSSO'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${token}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.displayName
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: windowSizes[?rule.name] ?? 'PT15M'
      autoMitigate: true
      // A new workspace does not have the table yet and would refuse the rule.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: '${sources[?rule.name] ?? 'AppTraces\n'}${events}${rule.query}'
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [actionGroup.id] }
    }
  }
]
