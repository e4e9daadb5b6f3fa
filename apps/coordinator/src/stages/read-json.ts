import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { UnderstudyError } from '@understudy/contracts';
import type { ObjectStore } from '@understudy/storage';
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
 * @throws UnderstudyError UPLOAD_MISMATCH when it is not what it should be; NOT_FOUND
 */
export async function readJson<Schema extends z.ZodType>(
  objects: ObjectStore,
  sha256: string,
  schema: Schema,
  { mostBytes, gzip = false }: ReadJsonOptions,
): Promise<z.output<Schema>> {
  const stored = await objects.stat(sha256);
  if (stored === null)
    throw new UnderstudyError('NOT_FOUND', 'A result is not in the object store.', { details: { sha256 } });
  if (stored.bytes > mostBytes) throw unfit(sha256, `it has ${stored.bytes} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of await objects.open(sha256)) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  let value: unknown;
  try {
    const text = gzip ? await unzip(bytes, { maxOutputLength: mostBytes }) : bytes;
    value = JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw unfit(sha256, 'it is no JSON of the agreed size', cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw unfit(sha256, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(), parsed.error);
  }
  return parsed.data;
}

function unfit(sha256: string, reason: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError('UPLOAD_MISMATCH', `A lane's result is not what it should be: ${reason}.`, {
    cause,
    details: { sha256 },
  });
}
