metadata description = 'A page in the portal with charts of the product: sign-ins, duration of provisioning, syncs to LiteLLM, failures and poison messages.'

@description('Region of the workbook.')
param location string

@description('Tags of the workbook.')
param tags { *: string }

@description('Name of the Log Analytics workspace.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Selects the log lines for the charts. Every event of the product is one line of JSON with its name in `event` (shared/telemetry/events.ts).')
var events = '''
AppTraces
| where Message startswith "{"
| extend fields = parse_json(Message)
| extend event = tostring(fields.event), code = tostring(fields.code)
'''

@description('The charts from top to bottom.')
var charts = [
  {
    title: 'Sign-ins by outcome'
    visualization: 'barchart'
    query: '''
| where event == "signin.complete"
| summarize count() by outcome = iff(isempty(code), "signed in", code), bin(TimeGenerated, {timeRange:grain})
'''
  }
  {
    title: 'Provisioning by outcome'
    visualization: 'barchart'
    query: '''
| where event == "provision.user"
| summarize count() by outcome = iff(isempty(code), tostring(fields.status), code), bin(TimeGenerated, {timeRange:grain})
'''
  }
  {
    title: 'Seconds from sign-in to provisioned (median and 95th percentile)'
    visualization: 'timechart'
    query: '''
| where event == "provision.user" and tostring(fields.status) in ("done", "unchanged")
| summarize percentiles(todouble(fields.secondsSinceSignIn), 50, 95) by bin(TimeGenerated, {timeRange:grain})
'''
  }
  {
    title: 'Memberships granted, changed and removed'
    visualization: 'timechart'
    query: '''
| where event == "provision.user"
| summarize granted = sum(tolong(fields.granted)), changed = sum(tolong(fields.changed)), removed = sum(tolong(fields.removed)) by bin(TimeGenerated, {timeRange:grain})
'''
  }
  {
    title: 'Pushes to LiteLLM by outcome'
    visualization: 'barchart'
    query: '''
| where event in ("sync.person", "sync.entity")
| summarize count() by outcome = iff(isempty(code), tostring(fields.status), code), bin(TimeGenerated, {timeRange:grain})
'''
  }
  {
    title: 'Failures by event and code'
    visualization: 'table'
    query: '''
| where isnotempty(code)
| summarize failures = count(), last = max(TimeGenerated) by event, code
| order by failures desc
'''
  }
  {
    title: 'Poison: messages that no attempt could provision or push'
    visualization: 'table'
    query: '''
| where event in ("provision.failure", "sync.failure")
| project TimeGenerated, event, message = tostring(fields.messageId), correlation = tostring(fields.correlationId), code
| order by TimeGenerated desc
'''
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Sign-ins and provisioning'
    category: 'workbook'
    version: '1.0'
    sourceId: workspace.id
    serializedData: string({
      version: 'Notebook/1.0'
      fallbackResourceIds: [workspace.id]
      items: concat(
        [
          {
            type: 9
            name: 'time range'
            content: {
              version: 'KqlParameterItem/1.0'
              parameters: [
                {
                  version: 'KqlParameterItem/1.0'
                  name: 'timeRange'
                  label: 'Time range'
                  type: 4
                  isRequired: true
                  value: { durationMs: 604800000 }
                  typeSettings: {
                    // 1 hour, 24 hours, 7, 30 and 90 days.
                    selectableValues: [
                      { durationMs: 3600000 }
                      { durationMs: 86400000 }
                      { durationMs: 604800000 }
                      { durationMs: 2592000000 }
                      { durationMs: 7776000000 }
                    ]
                    allowCustom: true
                  }
                }
              ]
            }
          }
        ],
        map(charts, chart => {
          type: 3
          name: chart.title
          content: {
            version: 'KqlItem/1.0'
            title: chart.title
            query: '${events}${chart.query}'
            visualization: chart.visualization
            queryType: 0
            resourceType: 'microsoft.operationalinsights/workspaces'
            size: 0
            timeContextFromParameter: 'timeRange'
            noDataMessage: 'Nothing happened in this time.'
          }
        })
      )
    })
  }
}
