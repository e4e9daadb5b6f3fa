import { opened, type Opening } from './commitments.js';
import type { LoggedEvent } from './export-format.js';

/** Escapes of ArcSight's Common Event Format: a backslash and a pipe in the header, a backslash and an equals sign in an extension. */
const header = (value: string): string => value.replaceAll(/[\\|]/g, String.raw`\$&`).replaceAll(/[\r\n]+/g, ' ');
const extension = (value: string): string =>
  value.replaceAll(/[\\=]/g, String.raw`\$&`).replaceAll(/\r?\n|\r/g, String.raw`\n`);

/** Out of ten: refusals and withdrawals are what a person on watch wants to see. */
function severityOf(action: string): number {
  if (/denied|refused|revoked|locked|stale/.test(action)) return 7;
  if (/granted|released|downloaded|activated|suspended|erased|restore_accepted/.test(action)) return 5;
  return 2;
}

/** An event as one line of CEF:0; `cn1` is its index in the log. What was erased reads `erased`. */
export function toCef(event: LoggedEvent, index: number | null, openings: readonly Opening[] = []): string {
  const { action, at, actor, subjectType, subjectId, projectId, id, data } = event;
  const name = `${subjectType} ${action.split('.')[1] ?? action}`;
  const fields: [string, string][] = [
    ['rt', String(Date.parse(at))],
    ['externalId', id],
    ['suser', actor],
    ['cs1Label', 'subject'],
    ['cs1', subjectId],
    ['cs2Label', 'project'],
    ['cs2', projectId ?? '-'],
    ['cn1Label', 'index'],
    ['cn1', index === null ? '-1' : String(index)],
    ['msg', JSON.stringify(opened(data, openings))],
  ];
  const tail = fields.map(([key, value]) => `${key}=${extension(value)}`).join(' ');
  return `CEF:0|Understudy|coordinator|1|${header(action)}|${header(name)}|${severityOf(action)}|${tail}`;
}
