import type { z } from 'zod';
import type { ROUTES, RouteName } from './routes.js';

type Names<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** The path parameters of a route, by name. */
export type PathParams<Path extends string> = { readonly [Name in Names<Path>]: string };

type Table = typeof ROUTES;
type QueryOf<Name extends RouteName> = Table[Name] extends { query: infer Q extends z.ZodType } ? Q : never;
type BodyOf<Name extends RouteName> = Table[Name] extends { body: infer B extends z.ZodType } ? B : never;

type Part<Key extends string, Value> = [Value] extends [never] ? unknown : { readonly [K in Key]: Value };

/** What a handler gets: validated, defaults filled in. */
export type RouteInput<Name extends RouteName> = { readonly params: PathParams<Table[Name]['path']> } & Part<
  'query',
  z.output<QueryOf<Name>>
> &
  Part<'body', z.output<BodyOf<Name>>>;

/** What a caller gives: defaults may be left out. */
export type RouteRequest<Name extends RouteName> = ([Names<Table[Name]['path']>] extends [never]
  ? unknown
  : { readonly params: PathParams<Table[Name]['path']> }) &
  ([QueryOf<Name>] extends [never] ? unknown : { readonly query?: z.input<QueryOf<Name>> }) &
  Part<'body', z.input<BodyOf<Name>>>;

export type RouteOutput<Name extends RouteName> = z.output<Table[Name]['response']>;
