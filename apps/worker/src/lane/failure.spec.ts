import { UnderstudyError } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';

import { failureReport } from './failure.js';

const systemError = (code: string) => Object.assign(new Error(`${code}: /secret/name.mp4`), { code });

describe('failure report', () => {
  it.each(['NO_FACE', 'TWO_FACES_IN_IMAGE', 'FACE_QUALITY_TOO_LOW', 'UNREADABLE_MEDIA', 'TRUNCATED_MEDIA'] as const)(
    'does not have %s tried again: the input is at fault',
    (code) => {
      expect(failureReport(new UnderstudyError(code, 'x'))).toMatchObject({ code, retryable: false });
    },
  );

  it.each(['DISK_FULL', 'FFMPEG_FAILED', 'FFMPEG_MISSING', 'MODEL_UNAVAILABLE', 'UPLOAD_MISMATCH'] as const)(
    'has %s tried again elsewhere: the host is at fault',
    (code) => {
      expect(failureReport(new UnderstudyError(code, 'x'))).toMatchObject({ code, retryable: true });
    },
  );

  it('knows a full disk by any name', () => {
    expect(failureReport(systemError('ENOSPC'))).toMatchObject({ code: 'DISK_FULL', retryable: true });
    expect(failureReport(systemError('EDQUOT'))).toMatchObject({ code: 'DISK_FULL', retryable: true });
  });

  it('gives no path and no text of an unknown error away', () => {
    const reports = [
      failureReport(systemError('EPERM')),
      failureReport(new UnderstudyError('FFMPEG_FAILED', 'x', { details: { path: '/secret/name.mp4', exitCode: 1 } })),
    ];
    expect(JSON.stringify(reports)).not.toContain('secret');
    expect(reports[1]?.details).toEqual({ exitCode: 1 });
  });
});
