import { setTimeout as delay } from 'node:timers/promises';
import type { NodeClient } from '@understudy/client/node';
import { UnderstudyError } from '@understudy/contracts';

const POLL_MS = 200;

/**
 * Has the farm read the face of each image and waits for it.
 *
 * @param labels what to call each asset in an error, by asset id.
 * @throws UnderstudyError NO_FACE, TWO_FACES_IN_IMAGE, FACE_QUALITY_TOO_LOW naming the image.
 */
export async function awaitTemplates(
  client: NodeClient,
  labels: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  for (const assetId of labels.keys()) await client.call('createTemplate', { params: { assetId } }, { signal });
  for (const [assetId, label] of labels) {
    for (;;) {
      const template = await client.call('getTemplate', { params: { assetId } }, { signal });
      if (template.state === 'ready') break;
      if (template.state === 'failed') {
        const { code, message } = template.error ?? {
          code: 'INTERNAL' as const,
          message: 'the face could not be read',
        };
        throw new UnderstudyError(code, `${label}: ${message}`);
      }
      await delay(POLL_MS, undefined, { signal });
    }
  }
}
