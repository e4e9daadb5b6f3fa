import { readFile, stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { UnderstudyError } from '@understudy/contracts';
import type { ProjectObjects } from '@understudy/storage';
import type { z } from 'zod';

const unzip = promisify(gunzip);

export interface ReadJsonOptions {
  /** Most bytes of the object, and of the text that it unpacks to. */
  readonly mostBytes: number;
  readonly gzip?: boolean;
}

/**
 * A stored JSON document, read by its schema. Lanes wrote it: it is held to a size before it is read or unpacked.
 *
 * @throws UnderstudyError NOT_FOUND, UPLOAD_MISMATCH when it is not what it should be
 */
export async function readJsonObject<Schema extends z.ZodType>(
  objects: ProjectObjects,
  sha256: string,
  schema: Schema,
  options: ReadJsonOptions,
): Promise<z.output<Schema>> {
  requireSize((await objects.stat(sha256))?.bytes ?? 0, options);
  return await parse(await buffer(await objects.open(sha256)), schema, options);
}

/** The same of a file in the clear. */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  options: ReadJsonOptions,
): Promise<z.output<Schema>> {
  requireSize((await stat(path)).size, options);
  return await parse(await readFile(path), schema, options);
}

function requireSize(bytes: number, { mostBytes }: ReadJsonOptions): void {
  if (bytes > mostBytes) throw unfit(`it has ${bytes} bytes`);
}

async function parse<Schema extends z.ZodType>(
  bytes: Buffer,
  schema: Schema,
  { mostBytes, gzip = false }: ReadJsonOptions,
): Promise<z.output<Schema>> {
  let value: unknown;
  try {
    const text = gzip ? await unzip(bytes, { maxOutputLength: mostBytes }) : bytes;
    value = JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw unfit('it is no JSON of the agreed size', cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw unfit(`${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(), parsed.error);
}

function unfit(reason: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError('UPLOAD_MISMATCH', `A lane's result is not what it should be: ${reason}.`, { cause });
}
