import { describe, expect, it } from 'vitest';
import { failureOf } from './failure.js';

const run = { tool: 'ffmpeg', exitCode: null, killedBy: null, stderrTail: '' } as const;
const codeOf = (ended: Partial<Parameters<typeof failureOf>[0]>) =>
  failureOf({ ...run, ...ended }, 'UNREADABLE_MEDIA', {}).code;

describe('a run that failed', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGHUP'])('is not the media’s fault when %s ended it', (killedBy) => {
    expect(codeOf({ killedBy })).toBe('FFMPEG_FAILED');
    expect(codeOf({ killedBy, stderrTail: 'Invalid data found when processing input' })).toBe('FFMPEG_FAILED');
  });

  it('may be the media’s fault when it crashed by itself', () => {
    expect(codeOf({ killedBy: 'SIGSEGV' })).toBe('UNREADABLE_MEDIA');
  });

  it('is the host’s where a program or a decoder is missing', () => {
    expect(codeOf({ exitCode: 127 })).toBe('FFMPEG_MISSING');
    expect(codeOf({ exitCode: 8, stderrTail: 'Decoding requested, but no decoder found for: hevc' })).toBe(
      'FFMPEG_FAILED',
    );
    expect(codeOf({ exitCode: 1, stderrTail: 'Decoder (codec av1) not found for input stream #0:0' })).toBe(
      'FFMPEG_FAILED',
    );
  });

  it('is the media’s where its data make no sense', () => {
    expect(codeOf({ exitCode: 1, stderrTail: 'Invalid data found when processing input' })).toBe('UNREADABLE_MEDIA');
    expect(codeOf({ exitCode: 1, stderrTail: 'moov atom not found' })).toBe('TRUNCATED_MEDIA');
  });
});
