import { describe, expect, it } from 'vitest';
import { asRanges, matchCast, peopleOf, requireIdentity, tracksToAnonymise } from './match-cast.js';
import type { Template } from './template.js';

/** A unit vector along one axis, turned by `degrees` towards the next one. */
function face(axis: number, degrees = 0, recogniser = 'test'): Template {
  const embedding = new Float32Array(512);
  embedding[axis * 2] = Math.cos((degrees * Math.PI) / 180);
  embedding[axis * 2 + 1] = Math.sin((degrees * Math.PI) / 180);
  return { recogniser, embedding };
}
/** Tracks follow one another unless they say otherwise: nobody is in two places at once. */
const track = (number: number, template: Template | null, startFrame = number * 10) => ({
  track: number,
  startFrame,
  endFrame: startFrame + 10,
  template,
});
const member = (cast: number, references: Template[], enrolled: Template[] = []) => ({ cast, references, enrolled });
const degrees = (cosine: number) => (Math.acos(cosine) * 180) / Math.PI;
const image = (template: Template) => ({ assetId: 'a', template });
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('matchCast', () => {
  it('binds every track of the referenced face and no other', () => {
    const tracks = [track(0, face(0, 10)), track(1, face(1)), track(2, face(0, 60)), track(3, null)];
    expect(matchCast(tracks, [member(0, [face(0)])])).toEqual([{ cast: 0, tracks: [0, 2], verified: false }]);
  });

  it('tells the face by the enrolled performer where no reference is given', () => {
    const tracks = [track(0, face(0)), track(1, face(1))];
    expect(matchCast(tracks, [member(0, [], [face(1, 20)])])).toEqual([{ cast: 0, tracks: [1], verified: true }]);
  });

  it('gives a track to the likelier of two members', () => {
    const tracks = [track(0, face(0, 50)), track(1, face(0, 10))];
    const members = [member(0, [face(0)]), member(1, [face(0, 60)])];
    expect(matchCast(tracks, members).map(({ tracks: mine }) => mine)).toEqual([[1], [0]]);
  });

  it('takes the only person in the plate for the one who is meant', () => {
    const tracks = [track(0, face(0)), track(1, face(0, 30))];
    expect(matchCast(tracks, [member(0, [])])).toEqual([{ cast: 0, tracks: [0, 1], verified: false }]);
  });

  it('leaves out what is too short to tell whose it is, unless there is nothing else', () => {
    expect(matchCast([track(0, face(0)), track(1, null)], [member(0, [])])[0]?.tracks).toEqual([0]);
    expect(matchCast([track(0, null)], [member(0, [])])[0]?.tracks).toEqual([0]);
    expect(() => matchCast([track(0, null), track(1, null)], [member(0, [])])).toThrow(code('AMBIGUOUS_FACE'));
  });

  it('takes the likelier of two faces in one frame, as nobody is in two places at once', () => {
    const tracks = [track(0, face(0, 50), 0), track(1, face(0, 10), 5)];
    expect(matchCast(tracks, [member(0, [face(0)])])[0]?.tracks).toEqual([1]);
  });

  it('does not guess among several people', () => {
    const tracks = [track(0, face(0)), track(1, face(1))];
    expect(() => matchCast(tracks, [member(0, [])])).toThrow(code('AMBIGUOUS_FACE'));
    expect(() => matchCast([track(0, face(0))], [member(0, []), member(1, [])])).toThrow(code('AMBIGUOUS_FACE'));
  });

  it('refuses a face just under the bound and takes one just over it', () => {
    const near = [track(0, face(0, degrees(0.341)))];
    const far = [track(0, face(0, degrees(0.339)))];
    expect(matchCast(near, [member(0, [face(0)])])).toHaveLength(1);
    expect(() => matchCast(far, [member(0, [face(0)])])).toThrow(code('PLATE_FACE_NOT_FOUND'));
  });

  it('refuses a reference that shows somebody other than the consenting performer', () => {
    const tracks = [track(0, face(0)), track(1, face(1))];
    expect(() => matchCast(tracks, [member(0, [face(0)], [face(1)])])).toThrow(code('IDENTITY_MISMATCH'));
  });

  it('never compares what two models read', () => {
    const tracks = [track(0, face(0)), track(1, face(1))];
    expect(() => matchCast(tracks, [member(0, [face(0, 0, 'other')])])).toThrow(code('PLATE_FACE_NOT_FOUND'));
    expect(() => matchCast(tracks, [member(0, [face(0)], [face(0, 0, 'other')])])).toThrow(code('IDENTITY_MISMATCH'));
  });

  it('refuses a track that a reference tells and that is a stranger to the performer, with its frames', () => {
    // Like the reference, which is like the performer: that says nothing about the track and the performer being one.
    const tracks = [track(0, face(0, 10)), track(1, face(0, 120), 40)];
    const refused = () => matchCast(tracks, [member(0, [face(0, 60)], [face(0)])]);
    expect(refused).toThrow(code('IDENTITY_MISMATCH'));
    expect(refused).toThrow(
      expect.objectContaining({
        details: { cast: 0, role: 'plate', tracks: [{ track: 1, startFrame: 40, endFrame: 50, cosine: -0.5 }] },
      }),
    );
  });

  it('finds nobody in an empty plate', () => {
    expect(() => matchCast([], [member(0, [face(0)])])).toThrow(code('NO_FACE'));
  });
});

describe('requireIdentity', () => {
  it('takes images of the performer alone', () => {
    expect(() => requireIdentity(0, [image(face(0, 20))], [face(0)])).not.toThrow();
    expect(() => requireIdentity(0, [image(face(0)), image(face(1))], [face(0)])).toThrow(code('IDENTITY_MISMATCH'));
    expect(() => requireIdentity(0, [image(face(0))], [])).toThrow(code('IDENTITY_MISMATCH'));
    expect(() => requireIdentity(0, [image(face(0))], [face(0, 0, 'other')])).toThrow(code('IDENTITY_MISMATCH'));
  });
});

describe('tracksToAnonymise', () => {
  it('covers everybody but the faces kept, and whoever cannot be compared', () => {
    const tracks = [track(0, face(0)), track(1, face(1)), track(2, null)];
    expect(tracksToAnonymise(tracks, [face(1, 10)])).toEqual([0, 2]);
    expect(tracksToAnonymise(tracks, [])).toEqual([0, 1, 2]);
  });
});

it('groups tracks by person', () => {
  const people = peopleOf([track(0, face(0)), track(1, face(1)), track(2, face(0, 40)), track(3, null)]);
  expect(people.map((person) => person.map(({ track }) => track))).toEqual([[0, 2], [1]]);
});

it('writes frames as ranges', () => {
  expect(asRanges([7, 3, 4, 5, 7, 9])).toEqual([
    [3, 6],
    [7, 8],
    [9, 10],
  ]);
  expect(asRanges([])).toEqual([]);
});
