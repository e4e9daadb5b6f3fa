import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { EnrolLease } from '@understudy/contracts';
import { facesOfImage, recogniserOf, templateOf } from '@understudy/face';

import { type LaneTask, type TaskResult, inputPath } from './lane/task.js';
import type { LaneTools } from './lane/tools.js';
import { Stopwatch } from './render/stopwatch.js';
import { readStill } from './stills.js';

/**
 * An enrol task: its result is the template as JSON.
 *
 * @throws UnderstudyError NO_FACE, TWO_FACES_IN_IMAGE, FACE_QUALITY_TOO_LOW, UNSUPPORTED_MEDIA, UNREADABLE_MEDIA
 */
export async function enrolTask(tools: LaneTools, task: LaneTask, lease: EnrolLease): Promise<TaskResult> {
  const stopwatch = new Stopwatch();
  stopwatch.enter('enrol');
  const watch = tools.control.watch();
  try {
    const frame = await readStill(inputPath(task, lease.image.sha256), watch.signal);
    const template = templateOf(await facesOfImage(tools.models, frame), recogniserOf(tools.pack));
    const bytes = Buffer.from(JSON.stringify(template));
    const path = join(task.folder, 'template.json');
    await writeFile(path, bytes, { mode: 0o600 });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return {
      path,
      report: { result: { sha256, bytes: bytes.byteLength, frames: 0 }, timingsMs: stopwatch.times() },
    };
  } finally {
    watch.close();
  }
}
