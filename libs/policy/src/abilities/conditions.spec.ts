import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConditions, type Conditions, matchesConditions } from './conditions.js';

describe('matchesConditions', () => {
  it.each([
    [{ projectId: 'a' }, { projectId: 'a' }, true],
    [{ projectId: 'a' }, { projectId: 'b' }, false],
    [{ projectId: 'a' }, {}, false],
    [{ projectId: 'a' }, { projectId: null }, false],
    [{ projectId: null }, { projectId: null }, true],
    [{ projectId: null }, { projectId: 'a' }, false],
    [{ projectId: null }, {}, false],
    [{ projectId: { in: ['a', 'b'] } }, { projectId: 'b' }, true],
    [{ projectId: { in: [] } }, { projectId: 'b' }, false],
    [{ projectId: { in: ['a'] } }, { projectId: null }, false],
    [{ asset: { is: { projectId: 'a' } } }, { asset: { projectId: 'a' } }, true],
    [{ asset: { is: { projectId: 'a' } } }, { asset: null }, false],
    [{ asset: { is: { projectId: 'a' } } }, { projectId: 'a' }, false],
    [{ projectId: 'a', complete: true }, { projectId: 'a', complete: false }, false],
  ] as [Conditions, Record<string, unknown>, boolean][])('%j on %j is %s', (conditions, row, expected) => {
    expect(matchesConditions(conditions, row)).toBe(expected);
  });
});

describe('checkConditions', () => {
  it.each([
    [{}],
    [{ projectId: undefined }],
    [{ projectId: { in: undefined } }],
    [{ projectId: { in: [undefined] } }],
    [{ projectId: { not: 'a' } }],
    [{ projectId: { in: ['a'], not: 'b' } }],
    [{ asset: { is: {} } }],
    [{ asset: { is: { projectId: undefined } } }],
    [{ asset: { isNot: { projectId: 'a' } } }],
    [{ projectId: 5 }],
  ])('refuses %j', (conditions) => {
    expect(() => checkConditions(conditions as unknown as Conditions)).toThrow(TypeError);
  });

  it('takes whatever the rules may be made of', () => {
    const value = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.record({ in: fc.array(fc.string()) }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { minKeys: 1 }), (conditions) => {
        expect(() => checkConditions(conditions)).not.toThrow();
        expect(() => checkConditions({ related: { is: conditions } })).not.toThrow();
      }),
    );
  });
});
