metadata description = 'What somebody must know within minutes: queries over the log events of the product, each every 5 minutes over the last 15.'

@description('Suffix of all names: the hash of subscription, environment and region.')
@minLength(5)
@maxLength(13)
param token string

@description('Region of the rules: that of the workspace.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Who gets a mail; empty means nobody, and the alerts show only in the portal.')
@maxLength(254)
param email string

@description('Failed sign-ins within 15 minutes that are still normal.')
@minValue(0)
@maxValue(100000)
param signInFailureThreshold int

@description('Every event of the product is one line of JSON with its name in `event` (shared/telemetry/events.ts). The other beginning is the one line of the Functions host that counts: it moves a message to a poison queue, with `event` empty.')
var events = '''
AppTraces
| where Message startswith "{" or Message startswith "Message has reached MaxDequeueCount"
| extend fields = parse_json(Message)
| extend event = tostring(fields.event), code = tostring(fields.code)
'''

@description('The rules. `code` says why something failed and is absent where nothing did.')
var rules = [
  {
    name: 'poison'
    displayName: 'A message was moved to the poison queue'
    description: 'A sign-in was not provisioned after all its attempts, or the host could not decode a message and never ran the app. It is kept, in ProvisioningFailures or in the poison queue itself: see docs/operations.md.'
    severity: 1
    threshold: 0
    // A message that is not base64 never reaches our code: of it there is the line of the host alone, which ends with the queue.
    query: '''
| where event == "provision.failure" or Message endswith "'provision-poison'."
'''
  }
  {
    name: 'sync'
    displayName: 'A sync to LiteLLM was given up'
    description: 'The LiteLLM proxy was not told of a person, team or organization after all attempts: somebody may lack access there, or still have it. It is kept, in ProvisioningFailures or in the poison queue itself: see docs/operations.md.'
    severity: 1
    threshold: 0
    query: '''
| where event == "sync.failure" or Message endswith "'litellm-sync-poison'."
'''
  }
  {
    name: 'provisioning'
    displayName: 'Provisioning failed'
    description: 'Provisioning failed for a reason that no further attempt mends. Once the attempts are used up the message moves to the poison queue.'
    severity: 2
    threshold: 0
    query: '''
| where event == "provision.user" and isnotempty(code) and tostring(fields.retryable) != "true"
'''
  }
  {
    name: 'signIn'
    displayName: 'Many sign-ins fail'
    description: 'More sign-ins failed than usual, for reasons that are not the doing of the person or of a stranger. The code in the event says why.'
    severity: 2
    threshold: signInFailureThreshold
    // What is left out anybody can cause without an account, with an old link, or by declining.
    query: '''
| where event in ("signin.start", "signin.complete") and isnotempty(code)
| where code !in ("attempt_missing", "state_mismatch", "code_missing", "consent_declined")
'''
  }
  {
    name: 'operator'
    displayName: 'Somebody has to decide or to mend something'
    description: 'The settings are not valid, the assigned groups cannot be read (permission missing), a daily repair fails, the LiteLLM proxy refuses the key or is not at its address, or the brake held a new list of groups back. GET /api/health/detail says what to do.'
    severity: 1
    threshold: 0
    query: '''
| where event == "configuration.fault"
    or (event == "groups.refresh" and (tostring(fields.decision) == "held_back" or isnotempty(tostring(fields.organizationFailure))))
    or (event in ("groups.refresh", "members.repair", "sync.repair") and isnotempty(code) and tostring(fields.retryable) != "true")
    or (event in ("sync.person", "sync.entity") and tostring(fields.reason) in ("litellm_key_refused", "litellm_answer_invalid"))
    or (event == "sync.repair" and code in ("litellm_key_refused", "litellm_answer_invalid"))
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
      windowSize: 'PT15M'
      autoMitigate: true
      // A workspace that was made a minute ago does not know the table yet and would refuse the rule.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: '${events}${rule.query}'
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
