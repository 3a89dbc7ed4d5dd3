/** Every metric that this product records, as `docs/telemetry.md` lists them. Units are UCUM's. */

interface Metric {
  readonly kind: 'counter' | 'histogram';
  readonly unit: string;
  /** Its meaning, as the documentation lists it. */
  readonly description: string;
  /** The attributes that its values carry. */
  readonly attributes: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

export const METRICS = {
  'signin.outcomes': {
    kind: 'counter',
    unit: '{signin}',
    description: 'Callbacks by how they ended',
    attributes: ['outcome'],
  },
  'provision.outcomes': {
    kind: 'counter',
    unit: '{message}',
    description: 'Deliveries of a message by how they ended',
    attributes: ['outcome'],
  },
  'provision.delay': {
    kind: 'histogram',
    unit: 's',
    description: 'From the sign-in, when its message was enqueued, to its person being provisioned',
    attributes: ['outcome'],
    // A warm queue takes a second, a cold start a few, a retry half a minute. An administrator may take a day.
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400],
  },
  'provision.memberships.granted': {
    kind: 'counter',
    unit: '{membership}',
    description: 'Memberships written that were not there',
    attributes: [],
  },
  'provision.memberships.removed': {
    kind: 'counter',
    unit: '{membership}',
    description: 'Memberships taken away',
    attributes: [],
  },
  'provision.put_back': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages put back to wait for something outside them',
    attributes: ['reason'],
  },
  'provision.poisoned': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that the queue gave up on and that are kept',
    attributes: ['reason'],
  },
  'sync.outcomes': {
    kind: 'counter',
    unit: '{message}',
    description: 'Deliveries of a message for the LiteLLM proxy by how they ended',
    attributes: ['outcome'],
  },
  'sync.delay': {
    kind: 'histogram',
    unit: 's',
    description: 'From the sign-in to its person being in the LiteLLM proxy',
    attributes: ['outcome'],
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400],
  },
  'sync.memberships.added': {
    kind: 'counter',
    unit: '{membership}',
    description: 'Memberships added in the LiteLLM proxy',
    attributes: [],
  },
  'sync.memberships.removed': {
    kind: 'counter',
    unit: '{membership}',
    description: 'Memberships removed in the LiteLLM proxy',
    attributes: [],
  },
  'sync.put_back': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages for the LiteLLM proxy put back to wait for it',
    attributes: ['reason'],
  },
  'sync.poisoned': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages for the LiteLLM proxy that the queue gave up on and that are kept',
    attributes: ['reason'],
  },
  'graph.throttled': {
    kind: 'counter',
    unit: '{response}',
    description: 'Answers of Microsoft Graph with status 429',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;
type NamesOf<Kind extends Metric['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
export type CounterName = NamesOf<'counter'>;
export type HistogramName = NamesOf<'histogram'>;
