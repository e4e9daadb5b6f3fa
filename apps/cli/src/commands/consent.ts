import {
  consentDocumentSchema,
  type ConsentNotice,
  type ConsentParty,
  Instant,
  OPERATIONS,
  type Operation,
  UnderstudyError,
} from '@understudy/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../config.js';
import { newConsentDocument } from '../consent/document.js';
import { operatorKey } from '../consent/operator-key.js';
import { createFaceReader } from '../faces/face-reader.js';
import { readLocalFile } from '../job/upload.js';
import { wholeNumber } from '../terminal/whole-number.js';
import { addConsentLifeCommands } from './remote/consent-life.js';

interface ConsentOptions {
  performer: string;
  identity: string[];
  project: string;
  operations: Operation[];
  platePerformer?: string;
  plateIdentity: string[];
  evidence?: string;
  plateEvidence?: string;
  evidenceMethod: string;
  notice?: string;
  noticeLanguage: string;
  noticeSentAt?: string;
  shots?: string[];
  use?: string;
  validDays: number;
}

export function addConsentCommand(program: Command): void {
  const collect = (value: string, before: string[]): string[] => [...before, value];
  const consent = program.command('consent').description('consent documents, and the consents that a farm holds');
  addConsentLifeCommands(consent);
  consent
    .command('schema')
    .description('the JSON Schema of consent documents')
    .action(() => console.log(JSON.stringify(consentDocumentSchema(), null, 2)));
  consent
    .command('new')
    .description(
      'write a consent document to standard output, attested by your operator key: level L0, or L1 when it names the evidence of everybody in it',
    )
    .requiredOption('--performer <name>', 'pseudonym of the person whose face is to appear')
    .requiredOption('--identity <image>', 'a picture of them, and of nobody else; repeatable', collect, [])
    .requiredOption('--project <name>', 'the project they agreed to')
    .requiredOption('--operations <list>', `what they agreed to, of: ${OPERATIONS.join(', ')}`, operations)
    .option('--plate-performer <name>', 'pseudonym of the person in the plate whose face is covered')
    .option('--plate-identity <image>', 'a picture of the person in the plate; repeatable', collect, [])
    .option('--evidence <file>', "the performer's signed paper or recording; its hash goes into the document")
    .option('--plate-evidence <file>', 'the same, of the person in the plate')
    .option('--evidence-method <text>', 'how they agreed', 'signed document')
    .option('--notice <file>', 'what the performers were told beforehand; its hash goes into the document')
    .option('--notice-language <tag>', 'its language', 'en')
    .option('--notice-sent-at <instant>', 'when it was sent, RFC 3339; 48 hours later work may begin (now)')
    .option('--shots <list>', 'only these shots, by name', (value) => value.split(',').map((name) => name.trim()))
    .option('--use <text>', 'the use they agreed to, in words')
    .option('--valid-days <n>', 'for how many days from now', wholeNumber, 30)
    .action(async (options: ConsentOptions) => {
      console.log(JSON.stringify(await newConsent(options), null, 2));
    });
}

async function newConsent(options: ConsentOptions): Promise<unknown> {
  const { homeDir } = readConfig();
  if (options.identity.length === 0)
    throw new UnderstudyError('USAGE', 'at least one --identity IMAGE of the performer is needed');
  if (options.plateIdentity.length > 0 && options.platePerformer === undefined) {
    throw new UnderstudyError('USAGE', '--plate-identity needs --plate-performer NAME');
  }
  const at = new Date();
  const withEvidence = async (of: ConsentParty, path: string | undefined): Promise<ConsentParty> => {
    if (path === undefined) return of;
    const { sha256: document } = await readLocalFile(path);
    return {
      ...of,
      evidence: { document, signer: of.performer, method: options.evidenceMethod, at: at.toISOString() },
    };
  };
  const notice = await noticeOf(options, at);
  const identity = await party('identity', options.performer, options.identity, homeDir);
  const parties: ConsentParty[] = [await withEvidence(identity, options.evidence)];
  if (options.platePerformer !== undefined) {
    const plate = await party('plate', options.platePerformer, options.plateIdentity, homeDir);
    parties.push(await withEvidence(plate, options.plateEvidence));
  }
  const { project, operations: agreed, validDays, shots, use } = options;
  const told = parties.map((one) => (notice === undefined ? one : { ...one, notice }));
  const request = { project, operations: agreed, parties: told, validDays, shots, intendedUse: use };
  return newConsentDocument(request, await operatorKey(homeDir), at);
}

async function noticeOf(options: ConsentOptions, now: Date): Promise<ConsentNotice | undefined> {
  if (options.notice === undefined) return undefined;
  const { sha256 } = await readLocalFile(options.notice);
  const sentAt = Instant.safeParse(options.noticeSentAt ?? now.toISOString());
  if (!sentAt.success) throw new UnderstudyError('USAGE', '--notice-sent-at takes an instant as 2026-01-31T09:00:00Z');
  return { document: sha256, language: options.noticeLanguage, version: '1', sentAt: sentAt.data };
}

/** One side of a consent: whoever they are, bound to the faces in these pictures. */
export async function party(
  role: ConsentParty['role'],
  performer: string,
  images: readonly string[],
  homeDir: string,
): Promise<ConsentParty> {
  const readFace = createFaceReader(homeDir);
  const faces: ConsentParty['faces'] = [];
  for (const path of images) {
    const { sha256 } = await readLocalFile(path);
    const { template, recogniser } = await readFace.detailed(path);
    faces.push({ sha256, template, recogniser });
  }
  return { role, performer, faces };
}

function operations(value: string): Operation[] {
  return value.split(',').map((name) => {
    const operation = OPERATIONS.find((one) => one === name.trim());
    if (operation === undefined) throw new InvalidArgumentError(`${name} is none of ${OPERATIONS.join(', ')}`);
    return operation;
  });
}
