/**
 * Statistics as OpenMetrics text, version 1.0, which Prometheus reads.
 *
 * @module
 */
import type { RegistryStats } from '../contract/registry.ts';

export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

interface Sample {
  readonly label?: readonly [name: string, value: string];
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly unit?: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** What has a value for each of several names. */
function byLabel(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ label: [label, name], value }));
}

function families(stats: RegistryStats): Family[] {
  const counter = (name: string, help: string, value: number): Family => ({
    name,
    type: 'counter',
    help,
    samples: [{ value }],
  });
  return [
    {
      name: 'berth_sessions',
      type: 'gauge',
      help: 'Sessions that are kept, by status.',
      samples: byLabel('status', stats.sessionsByStatus),
    },
    {
      name: 'berth_sessions_limit',
      type: 'gauge',
      help: 'Sessions that may be active at once.',
      samples: [{ value: stats.maxSessions }],
    },
    counter('berth_sessions_created', 'Sessions created, ever.', stats.totalCreated),
    counter('berth_sessions_expired', 'Sessions that expired, ever.', stats.totalExpired),
    counter('berth_sessions_ended', 'Sessions that were ended, ever.', stats.totalEnded),
    counter('berth_sessions_rejected', 'Sessions refused at the limit, ever.', stats.totalRejected),
    counter('berth_messages', 'Messages counted, ever.', stats.totalMessages),
    {
      name: 'berth_session_duration_average_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How long sessions that expired or ended had lived, on average.',
      samples: [{ value: stats.averageDurationMs / 1000 }],
    },
    {
      name: 'berth_active_sessions_by_model',
      type: 'gauge',
      help: 'Active sessions, by model.',
      samples: byLabel('model', stats.byModel),
    },
    {
      name: 'berth_active_sessions_by_permission_mode',
      type: 'gauge',
      help: 'Active sessions, by permission mode.',
      samples: byLabel('permission_mode', stats.byPermissionMode),
    },
  ];
}

const escaped = (text: string): string =>
  text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);

function lines({ name, type, unit, help, samples }: Family): string[] {
  const sampleName = type === 'counter' ? `${name}_total` : name;
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${help}`,
    ...samples.map(({ label, value }) =>
      label === undefined
        ? `${sampleName} ${value}`
        : `${sampleName}{${label[0]}="${escaped(label[1])}"} ${value}`,
    ),
  ];
}

/** The text that Prometheus scrapes. */
export function openMetrics(stats: RegistryStats): string {
  return [...families(stats).flatMap(lines), '# EOF', ''].join('\n');
}
