import { z } from 'zod';
import { guardedInput } from './command.js';
import { HandedFiles } from './handed-files.js';
import { parseProbe, probedStreamSchema, type ProbeOptions } from './probe-streams.js';
import { toolOutput } from './run-tool.js';
import type { VideoPacket } from './video-packets.js';

const segmentSchema = z.object({
  streams: z.array(probedStreamSchema),
  packets: z
    .array(z.looseObject({ pts: z.int(), dts: z.int().nullable().default(null), flags: z.string() }))
    .default([]),
});

export interface ProbedSegment {
  readonly streams: z.infer<typeof segmentSchema>['streams'];
  /** In coding order. */
  readonly packets: readonly VideoPacket[];
}

/** Streams and packets of a segment in one go. @throws UNREADABLE_MEDIA, TRUNCATED_MEDIA, CANCELLED */
export async function probeSegment(path: string, options: ProbeOptions = {}): Promise<ProbedSegment> {
  const files = new HandedFiles();
  const { stdout } = await toolOutput({
    tool: 'ffprobe',
    args: [
      ['-v', 'error', ...guardedInput('mov'), '-show_streams', '-show_packets', '-show_data_hash', 'sha256'],
      ['-of', 'json', '-i', files.read(path)],
    ],
    failure: 'UNREADABLE_MEDIA',
    files,
    details: { path },
    ...options,
  });
  const { streams, packets } = parseProbe(segmentSchema, stdout, path);
  return { streams, packets: packets.map(({ pts, dts, flags }) => ({ pts, dts, isKey: flags.includes('K') })) };
}
