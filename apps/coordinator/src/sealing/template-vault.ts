import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { decrypt, encrypt } from './aead.js';
import { ProjectKeys } from './project-keys.js';

/** 512 float32. What has this length was written before templates were sealed. */
export const TEMPLATE_BYTES = 2048;
const MARK = Buffer.from('UST1');

/** Face templates as the database keeps them: sealed under their project's key, and of no use in another project. */
@Injectable()
export class TemplateVault {
  constructor(private readonly keys: ProjectKeys) {}

  seal(projectId: string, template: Uint8Array): Uint8Array<ArrayBuffer> {
    const sealed = encrypt(this.keys.forSealing(projectId), template, `template ${projectId}`);
    return new Uint8Array(Buffer.concat([MARK, sealed]));
  }

  /** @throws UnderstudyError INTERNAL for what was changed or moved here from elsewhere, PROJECT_KEY_DESTROYED */
  open(projectId: string, stored: Uint8Array): Uint8Array {
    if (stored.byteLength === TEMPLATE_BYTES) return stored;
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
    const key = this.keys.forOpening(projectId);
    if (key === null) throw new UnderstudyError('INTERNAL', 'The key of this project is not there.');
    if (!bytes.subarray(0, MARK.length).equals(MARK)) {
      throw new UnderstudyError('INTERNAL', 'A stored face template is not one.');
    }
    try {
      return decrypt(key, bytes.subarray(MARK.length), `template ${projectId}`);
    } catch (cause) {
      throw new UnderstudyError('INTERNAL', 'A stored face template was changed, or belongs to another project.', {
        cause,
      });
    }
  }
}
