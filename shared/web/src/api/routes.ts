import type { Call, Client } from './client';
import type { paths } from './schema.gen';

/** The routes of the service as its own document lists them, without the common prefix. */
type Short<P> = P extends `/api/v1${infer R}` ? R : never;
type Full<R extends string> = `/api/v1${R}` & keyof paths;

type Operation<R extends string, M extends 'get' | 'post'> = paths[Full<R>][M];

/** The routes that can be asked with a method. */
export type Route<M extends 'get' | 'post'> = {
  [P in keyof paths]: paths[P][M] extends undefined ? never : Short<P>;
}[keyof paths];

type Json<C> = C extends { content: { 'application/json': infer B } } ? B : undefined;
type Success<S> = S extends { 200: infer A } ? Json<A> : S extends { 201: infer A } ? Json<A> : undefined;

/** What the service answers. */
export type Answer<R extends string, M extends 'get' | 'post'> =
  Operation<R, M> extends { responses: infer S } ? Success<S> : never;

/** What a request may carry. */
export type Body<R extends string> =
  Operation<R, 'post'> extends { requestBody?: infer B } ? Json<NonNullable<B>> : undefined;

type PathOf<R extends string, M extends 'get' | 'post'> =
  Operation<R, M> extends { parameters: { path: infer P } } ? { path: P } : { path?: undefined };
type QueryOf<R extends string, M extends 'get' | 'post'> =
  Operation<R, M> extends { parameters: { query?: infer Q } } ? { query?: Q } : { query?: undefined };
type Rest = Omit<Call, 'method' | 'body' | 'query'>;

export type GetOptions<R extends string> = PathOf<R, 'get'> & QueryOf<R, 'get'> & Rest;
export type PostOptions<R extends string> = PathOf<R, 'post'> & { body?: Body<R> } & Rest;

/** Fills the places of a route: ("/courses/{course_id}", {course_id: "c1"}) is "/courses/c1". */
export function fill(route: string, places: object | undefined): string {
  return route.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = (places as Record<string, string> | undefined)?.[name];
    if (!value) throw new Error(`${route} needs ${name}`);
    return encodeURIComponent(value);
  });
}

/** Asks the service by the routes of its document, so that a changed answer is a type error here. */
export class Service {
  constructor(private readonly client: Pick<Client, 'call'>) {}

  get<R extends Route<'get'>>(
    route: R,
    ...[options]: PathOf<R, 'get'> extends { path: object } ? [GetOptions<R>] : [GetOptions<R>?]
  ): Promise<Answer<R, 'get'>> {
    const { path, query, ...rest } = (options ?? {}) as { path?: object; query?: Call['query'] } & Rest;
    return this.client.call(fill(route, path), { ...rest, query });
  }

  post<R extends Route<'post'>>(
    route: R,
    ...[options]: PathOf<R, 'post'> extends { path: object } ? [PostOptions<R>] : [PostOptions<R>?]
  ): Promise<Answer<R, 'post'>> {
    const { path, body, ...rest } = (options ?? {}) as { path?: object; body?: unknown } & Rest;
    return this.client.call(fill(route, path), { ...rest, method: 'POST', body });
  }
}
