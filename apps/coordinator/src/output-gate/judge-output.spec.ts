import { describe, expect, it } from 'vitest';
import { type ExpectedMember, judgeOutput, type KnownFace, type ReadFace } from './judge-output.js';

/** A direction of its own a person; `mix` leans it towards another's. */
function face(person: number, mix?: { towards: number; by: number }): Float32Array {
  const template = new Float32Array(512);
  template[person] = mix === undefined ? 1 : Math.sqrt(1 - mix.by ** 2);
  if (mix !== undefined) template[mix.towards] = mix.by;
  return template;
}
const known = (person: number, recogniser = 'model'): KnownFace => ({
  performerId: `performer ${person}`,
  recogniser,
  template: face(person),
});
const read = (frame: number, template: Float32Array, more: Partial<ReadFace> = {}): ReadFace => ({
  ...{ frame, track: 4, cast: 0, recogniser: 'model', template },
  ...more,
});
const [ADA, BEN, CLEO] = [known(1), known(2), known(3)];
const member: ExpectedMember = { cast: 0, identity: [ADA], plate: [BEN] };
const enrolled = [ADA, BEN, CLEO];
const judge = (...faces: ReadFace[]) => judgeOutput(faces, [member], enrolled);

describe('whose face a delivery shows', () => {
  it('is fine as the identity, as the plate, as something between', () => {
    expect(judge(read(1, face(1)), read(2, face(2)), read(3, face(1, { towards: 2, by: 0.7 })))).toEqual([]);
  });

  it('is a fault where it is a third enrolled person, who is named with the frame', () => {
    expect(judge(read(1, face(1)), read(7, face(3)))).toEqual([
      { reason: 'THIRD_PERSON', track: 4, frames: [7], performerId: 'performer 3' },
    ]);
  });

  it('is not a third person who is less alike than who it should be', () => {
    expect(judge(read(1, face(1, { towards: 3, by: 0.5 })))).toEqual([]);
    expect(judge(read(1, face(3, { towards: 1, by: 0.5 })))).toHaveLength(1);
  });

  it("is a fault where it is nobody's in every frame that was read, of two at least", () => {
    expect(judge(read(1, face(9)), read(5, face(8)))).toEqual([
      { reason: 'NOBODYS_FACE', track: 4, frames: [1, 5], performerId: null },
    ]);
    expect(judge(read(1, face(9)), read(5, face(1)))).toEqual([]);
    expect(judge(read(1, face(9)))).toEqual([]);
  });

  it('is still known where it was covered and is not', () => {
    const covered = { cast: null, track: 8 };
    expect(judge(read(1, face(9), covered))).toEqual([]);
    expect(judge(read(1, face(2), covered))).toEqual([
      { reason: 'STILL_KNOWN', track: 8, frames: [1], performerId: 'performer 2' },
    ]);
  });

  it('says nothing of faces that another model read, or that only one side is known of', () => {
    const other = { recogniser: 'another' };
    expect(judge(read(1, face(3), other), read(2, face(9), other))).toEqual([]);
    const oneSided = { ...member, plate: [] };
    expect(judgeOutput([read(1, face(9)), read(2, face(9))], [oneSided], enrolled)).toEqual([]);
  });
});
