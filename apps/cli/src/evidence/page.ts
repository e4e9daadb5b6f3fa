import { type Evidence, type EvidenceConsent, parseCheckpoint, parseEvent } from '@understudy/tlog';

/** Text as HTML; everything that comes from the farm passes here. */
function html(text: unknown): string {
  const shown = text === null || text === undefined || text === '' ? '–' : String(text);
  return shown
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

const code = (text: unknown): string => `<code>${html(text)}</code>`;
const when = (instant: string | null): string =>
  instant === null ? '–' : html(instant.replace('T', ' ').slice(0, 19));

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p class="none">None.</p>';
  const head = heads.map((text) => `<th>${html(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; color: #1d2226; max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem; }
  h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { margin-top: 2.4rem; border-bottom: 1px solid #cfd6da; } h3 { margin: 1.6rem 0 .3rem; }
  table { border-collapse: collapse; width: 100%; font-size: .88rem; } .wide { overflow-x: auto; }
  th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #e3e8ea; }
  th { background: #f2f5f6; font-weight: 600; } code { font-size: .84em; overflow-wrap: anywhere; }
  .none { color: #66727a; } .state { font-weight: 600; } nav a { margin-right: 1rem; }
  @media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }`;

function rolesPart({ policies }: Evidence): string {
  const roles = policies.roles.map(
    ({ role, may }) =>
      `<h3>${html(role)}</h3>${table(
        ['what', 'may', 'which rows'],
        may.map(({ subject, actions, of }) => [html(subject), html(actions.join(', ')), code(of)]),
      )}`,
  );
  const settings = Object.entries(policies.settings ?? {}).map(([name, value]) => [
    html(name),
    code(typeof value === 'object' ? JSON.stringify(value) : value),
  ]);
  return `<h2 id="policies">Policies in force</h2>
<p>Read off the rules that the software itself decides by. Nothing is allowed that is not named here.</p>
${roles.join('\n')}
<h3>Reasons for which a consent refuses</h3><p>${policies.consentReasons.map(code).join(' ')}</p>
<h3>Settings, as the newest start recorded them</h3>${table(['setting', 'value'], settings)}`;
}

function peoplePart({ people, workers, projects }: Evidence): string {
  const names = new Map(projects.map(({ id, name }) => [id, name]));
  const known = new Map(people.map(({ id, name }) => [id, name]));
  const rows = people.map((person) => [
    `${html(person.name)}<br>${html(person.email)}<br>${code(person.id)}`,
    html(person.farmRoles.join(', ')),
    person.grants
      .map(
        ({ projectId, role, grantedBy, at }) =>
          `${html(role)} in ${html(names.get(projectId) ?? projectId)}, by ${html(known.get(grantedBy) ?? grantedBy)}, ${when(at)}`,
      )
      .join('<br>') || '–',
    person.tokens
      .map(({ kind, expiresAt, revokedAt }) =>
        revokedAt === null ? `${html(kind)} until ${when(expiresAt)}` : `${html(kind)}, revoked ${when(revokedAt)}`,
      )
      .join('<br>') || '–',
    when(person.createdAt),
    when(person.lastActAt),
    person.disabledAt === null ? 'yes' : `no, since ${when(person.disabledAt)}`,
  ]);
  const machines = workers.map(({ id, name, createdBy, createdAt, disabledAt, lanes, lastSeenAt }) => [
    `${html(name)}<br>${code(id)}`,
    html(known.get(createdBy) ?? createdBy),
    when(createdAt),
    html(lanes),
    when(lastSeenAt),
    disabledAt === null ? 'yes' : `no, since ${when(disabledAt)}`,
  ]);
  return `<h2 id="access">Access review</h2>
<p>Members of these projects, and whoever holds a role of the farm.</p>
${table(['who', 'farm roles', 'roles in projects', 'tokens', 'since', 'last act in the log', 'enabled'], rows)}
<h3>Workers</h3>${table(['worker', 'enrolled by', 'since', 'lanes', 'last seen', 'enabled'], machines)}`;
}

function consentPart(consent: EvidenceConsent): string {
  const { values, scope } = consent;
  const facts = [
    ['consent', code(consent.id)],
    ['performer', `${html(consent.performer)}, ${html(values['role'])} side`],
    ['level', html(values['level'])],
    ['version', `${html(values['version'])} of ${code(consent.lineageId)}`],
    ['valid', `${when(consent.validFrom)} to ${when(consent.validUntil)}`],
    ['brought in by', code(consent.requestedBy)],
    ['activated by', code(consent.activatedBy)],
    ['notice has run', when(consent.noticeElapsesAt)],
    ['holds', html((values['holds'] as string[]).join(', '))],
    ['waivers', html(consent.waivers.join(', '))],
    ['document', code(values['documentSha256'])],
    ['scope', code(JSON.stringify(scope))],
  ];
  const uses = consent.uses.map((use) => [
    `${html(use.shot)}, version ${html(use.version)}<br>${code(use.shotVersionId)}`,
    html(use.state),
    `${html(use.renderedFrames)} of ${html(use.frames)}`,
    use.delivery === null ? '–' : `${html(use.delivery.state)}<br>${code(use.delivery.sha256)}`,
    use.delivery?.releasedBy == null ? '–' : `${code(use.delivery.releasedBy)}<br>${when(use.delivery.releasedAt)}`,
    when(use.submittedAt),
  ]);
  return `<h3>${html(consent.performer)} <span class="state">${html(values['state'])}</span></h3>
${table(
  ['', ''],
  facts.map(([name, value]) => [html(name), value ?? '']),
)}
<p>Used in:</p>${table(['shot', 'state', 'frames rendered', 'delivery', 'released', 'submitted'], uses)}`;
}

function eventsPart(evidence: Evidence): string {
  const events = evidence.events.map(({ event, index, proof }) => ({ ...parseEvent(event), index, proof }));
  const rows = events.map(({ index, at, action, actor, subjectType, subjectId, proof }) => [
    html(index),
    when(at),
    html(action),
    code(actor),
    `${html(subjectType)} ${code(subjectId)}`,
    html(proof.length),
  ]);
  const certificates = events
    .filter(({ action }) => action === 'deletion.certified')
    .map(({ index, at, subjectType, subjectId, data }) => [
      html(index),
      when(at),
      `${subjectType === 'Project' ? 'project' : 'shot version'} ${code(subjectId)}`,
      code(JSON.stringify(data)),
    ]);
  return `<h2 id="deletions">Deletion certificates</h2>
${table(['entry', 'when', 'of', 'what was deleted, by hash'], certificates)}
<h2 id="events">Events with their places in the log</h2>
<p>Each has a proof (RFC 6962 audit path) that leads from its hash to the root below.</p>
${table(['entry', 'when', 'what', 'who', 'of', 'hashes in its proof'], rows)}`;
}

/** The bundle's page for people: drawn from the evidence alone, without a script, the same each time. */
export function drawPage(evidence: Evidence): string {
  const { asked, projects, at, origin, verifierKey, checkpoint, consents } = evidence;
  const { size, root } = parseCheckpoint(checkpoint);
  const period = asked.from === null && asked.to === null ? 'all time' : `${when(asked.from)} to ${when(asked.to)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Evidence of ${html(origin)}</title><style>${STYLE}</style></head><body>
<h1>Evidence</h1>
<p>${html(origin)}, ${when(at)} UTC, asked for by ${code(asked.by)}; projects: ${projects.map(({ name }) => html(name)).join(', ') || 'none'}; period: ${period}.</p>
<nav><a href="#policies">Policies</a><a href="#access">Access</a><a href="#consents">Consents</a><a href="#deletions">Deletions</a><a href="#events">Events</a><a href="#log">Log</a></nav>
${table(
  ['project', 'profile', 'least level'],
  projects.map(({ id, name, profile, leastLevel }) => [
    `${html(name)}<br>${code(id)}`,
    html(profile),
    html(leastLevel),
  ]),
)}
${rolesPart(evidence)}
${peoplePart(evidence)}
<h2 id="consents">Consents and their use</h2>
${consents.map(consentPart).join('\n') || '<p class="none">None.</p>'}
${eventsPart(evidence)}
<h2 id="log">The log</h2>
${table(
  ['', ''],
  [
    ['entries under the signed checkpoint', html(size)],
    ['root', code(Buffer.from(root).toString('hex'))],
    ['key', code(verifierKey)],
  ],
)}
<p>To check this bundle without the farm: <code>understudy audit verify BUNDLE --key 'VERIFIER KEY' --checkpoint ANCHORS</code>, with the key
and the checkpoints as they came to you another way.</p>
</body></html>
`;
}
