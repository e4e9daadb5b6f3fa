import { type ConsentParty, OPERATIONS, type Operation, UnderstudyError } from '@understudy/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../config.js';
import { newConsentDocument } from '../consent/document.js';
import { operatorKey } from '../consent/operator-key.js';
import { createFaceReader } from '../faces/face-reader.js';
import { readLocalFile } from '../job/upload.js';
import { wholeNumber } from './render.js';

interface ConsentOptions {
  performer: string;
  identity: string[];
  project: string;
  operations: Operation[];
  platePerformer?: string;
  plateIdentity: string[];
  shots?: string[];
  use?: string;
  validDays: number;
}

export function addConsentCommand(program: Command): void {
  const collect = (value: string, before: string[]): string[] => [...before, value];
  program
    .command('consent')
    .description('consent documents')
    .command('new')
    .description('write a consent document to standard output; your operator key attests to it (level L0)')
    .requiredOption('--performer <name>', 'pseudonym of the person whose face is to appear')
    .requiredOption('--identity <image>', 'a picture of them, and of nobody else; repeatable', collect, [])
    .requiredOption('--project <name>', 'the project they agreed to')
    .requiredOption('--operations <list>', `what they agreed to, of: ${OPERATIONS.join(', ')}`, operations)
    .option('--plate-performer <name>', 'pseudonym of the person in the plate whose face is covered')
    .option('--plate-identity <image>', 'a picture of the person in the plate; repeatable', collect, [])
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
  const parties: ConsentParty[] = [await party('identity', options.performer, options.identity, homeDir)];
  if (options.platePerformer !== undefined) {
    parties.push(await party('plate', options.platePerformer, options.plateIdentity, homeDir));
  }
  const { project, operations: agreed, validDays, shots, use } = options;
  const request = { project, operations: agreed, parties, validDays, shots, intendedUse: use };
  return newConsentDocument(request, await operatorKey(homeDir), new Date());
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
