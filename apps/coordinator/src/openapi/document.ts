import { CONTENT_ROUTES, ERROR_CODES, type Route, ROUTES } from '@understudy/contracts';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const UUID = { type: 'string', format: 'uuid' } as const;
const pathOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return rest;
};

function pathParameters(path: string) {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name: name ?? '',
    in: 'path',
    required: true,
    schema: name === 'sha256' || name === 'side' ? { type: 'string' } : UUID,
  }));
}

function queryParameters(query: z.ZodType | undefined) {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, 'input');
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

const PROBLEM = { $ref: '#/components/responses/Error' };

/** Served without a token. */
const OPEN = new Set([
  'health',
  'signIn',
  'signInOptions',
  'startSingleSignOn',
  'finishSingleSignOn',
  'proveSingleSignOn',
  'acceptInvitation',
  'consentSchema',
]);

function operation(operationId: string, route: Route) {
  const body =
    route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
          },
        };
  return {
    operationId,
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...body,
    responses: {
      200: {
        description: 'Done',
        content: { 'application/json': { schema: schemaOf(route.response, 'output') } },
      },
      default: PROBLEM,
    },
    ...(OPEN.has(operationId) ? { security: [] } : {}),
  };
}

const OCTETS = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
const OFFSET_HEADER = { 'Upload-Offset': { description: 'Bytes that are here', schema: { type: 'integer' } } };

function upload(name: string, path: string) {
  const parameters = pathParameters(path);
  const offset = { name: 'offset', in: 'query', required: true, schema: { type: 'integer', minimum: 0 } };
  const here = { description: 'How far the upload is', headers: OFFSET_HEADER };
  return {
    head: { operationId: `${name}Offset`, parameters, responses: { 200: here, default: PROBLEM } },
    put: {
      operationId: `${name}Append`,
      parameters: [...parameters, offset],
      requestBody: { required: true, content: OCTETS },
      responses: { 200: here, default: PROBLEM },
    },
  };
}

function download(name: string, path: string) {
  const whole = { description: 'The object', content: OCTETS };
  const part = { description: 'One range of it', content: OCTETS };
  const parameters = pathParameters(path);
  return { get: { operationId: name, parameters, responses: { 200: whole, 206: part, default: PROBLEM } } };
}

function stream(name: string, path: string) {
  const content = { 'text/event-stream': { schema: { type: 'string' } } };
  const answer = { description: 'An event whenever something changes', content };
  return { get: { operationId: name, parameters: pathParameters(path), responses: { 200: answer, default: PROBLEM } } };
}

function ndjson(name: string) {
  const content = { 'application/x-ndjson': { schema: { type: 'string' } } };
  const answer = { description: 'One JSON object a line', content };
  return { get: { operationId: name, parameters: [], responses: { 200: answer, default: PROBLEM } } };
}

function text(name: string) {
  const answer = { description: 'Text', content: { 'text/plain': { schema: { type: 'string' } } } };
  return { get: { operationId: name, parameters: [], responses: { 200: answer, default: PROBLEM } } };
}

function contentPaths() {
  const { assetContent, attemptResult, shotStill, shotStream, deliveryContent, leasedObject, auditExport, openApi } =
    CONTENT_ROUTES;
  const { metrics, portalPreview } = CONTENT_ROUTES;
  const here = { description: 'This document', content: { 'application/json': { schema: { type: 'object' } } } };
  return {
    [pathOf(assetContent)]: upload('assetContent', assetContent),
    [pathOf(attemptResult)]: upload('attemptResult', attemptResult),
    [pathOf(shotStill)]: download('shotStill', shotStill),
    [pathOf(portalPreview)]: download('portalPreview', portalPreview),
    [pathOf(shotStream)]: stream('shotStream', shotStream),
    [openApi]: { get: { operationId: 'openApi', security: [], responses: { 200: here } } },
    [pathOf(deliveryContent)]: download('deliveryContent', deliveryContent),
    [auditExport]: ndjson('auditExport'),
    [metrics]: text('metrics'),
    [pathOf(leasedObject)]: download('leasedObject', leasedObject),
  };
}

const ErrorAnswer = z.object({
  error: z.object({
    code: z.enum(Object.keys(ERROR_CODES)),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** The API as an OpenAPI 3.1 document, out of the same table that serves it. */
export function openApiDocument(version: string) {
  const paths: Record<string, Record<string, unknown>> = contentPaths();
  for (const [name, route] of Object.entries(ROUTES) as [string, Route][]) {
    const path = pathOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Understudy', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'understudy_session' },
      },
      responses: {
        Error: {
          description: 'What is wrong and what to do next',
          content: { 'application/json': { schema: schemaOf(ErrorAnswer, 'output') } },
        },
      },
    },
  };
}
