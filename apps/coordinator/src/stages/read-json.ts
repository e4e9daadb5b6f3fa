import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { UnderstudyError } from '@understudy/contracts';
import type { z } from 'zod';

const unzip = promisify(gunzip);

export interface ReadJsonOptions {
  /** Most bytes of the file, and of the text that it unpacks to. */
  readonly mostBytes: number;
  readonly gzip?: boolean;
}

/**
 * A stored JSON document, read by its schema. Lanes wrote it: it is held to a size before it is read or unpacked.
 *
 * @throws UnderstudyError UPLOAD_MISMATCH when it is not what it should be
 */
export async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  { mostBytes, gzip = false }: ReadJsonOptions,
): Promise<z.output<Schema>> {
  const { size } = await stat(path);
  if (size > mostBytes) throw unfit(`it has ${size} bytes`);
  const bytes = await readFile(path);
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
