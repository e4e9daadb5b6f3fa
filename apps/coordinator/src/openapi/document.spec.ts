import { CONTENT_ROUTES, type Route, ROUTES } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from './document.js';

const document = openApiDocument('1.2.3');
type Operation = { operationId: string; parameters?: { name: string; in: string }[]; responses: object };
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation: operation as Operation })),
);

describe('the OpenAPI document', () => {
  it('has every route of the tables, and nothing else', () => {
    const served = Object.values(ROUTES as Record<string, Route>).map(({ path, method }) => `${method} ${path}`);
    const described = operations.map(
      ({ path, method }) => `${method.toUpperCase()} ${path.replaceAll(/{(\w+)}/g, ':$1')}`,
    );
    expect(described).toEqual(expect.arrayContaining(served));
    const content = new Set<string>(Object.values(CONTENT_ROUTES));
    const paths = described.filter((line) => !served.includes(line)).map((line) => line.split(' ')[1] ?? '');
    expect(new Set(paths)).toEqual(content);
  });

  it('names each operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('declares each parameter of a path', () => {
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'path')
        .map(({ name }) => name);
      expect(inPath, path).toEqual([...path.matchAll(/{(\w+)}/g)].map((match) => match[1]));
    }
  });

  it('is JSON without references that lead nowhere', () => {
    const text = JSON.stringify(document);
    const roots = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(roots)).toEqual(new Set(['#/components/responses/Error']));
  });
});
