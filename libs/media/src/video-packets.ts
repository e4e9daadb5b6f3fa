import { DEMUXERS, guardedInput } from './command.js';
import { HandedFiles } from './handed-files.js';
import { eachOutputLine } from './run-tool.js';
import type { MediaContainer } from './sniff.js';

export interface VideoPacket {
  /** In ticks of the stream's time base. */
  readonly pts: number;
  /** When it must be decoded; null where the container does not say. */
  readonly dts: number | null;
  readonly isKey: boolean;
}

/** The packets of one stream in coding order, without decoding; those an edit list hides are left out. */
export async function readVideoPackets(
  path: string,
  container: MediaContainer,
  streamIndex: number,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<VideoPacket[]> {
  const packets: VideoPacket[] = [];
  const files = new HandedFiles();
  const args = [
    ['-v', 'error', ...guardedInput(DEMUXERS[container]), '-select_streams', String(streamIndex)],
    ['-show_packets', '-show_entries', 'packet=pts,dts,flags', '-of', 'csv=p=0', '-i', files.read(path)],
  ];
  const run = {
    tool: 'ffprobe' as const,
    args,
    failure: 'UNREADABLE_MEDIA' as const,
    files,
    details: { path },
  };
  await eachOutputLine({ ...run, ...options }, (line) => {
    const [pts = '', dts = '', flags = ''] = line.split(',');
    if (line !== '' && !flags.includes('D'))
      packets.push({ pts: Number(pts), dts: dts === 'N/A' ? null : Number(dts), isKey: flags.includes('K') });
  });
  return packets;
}
