import type { Call, Client } from './client';
import type { paths } from './schema.gen';

/** The routes of the service as its own document lists them, without the common prefix. */
type Short<P> = P extends `/api/v1${infer R}` ? R : never;
type Full<R extends string> = `/api/v1${R}` & keyof paths;

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation<R extends string, M extends Method> = paths[Full<R>][M];

/** The routes that can be asked with a method. */
export type Route<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends undefined ? never : Short<P>;
}[keyof paths];

type Json<C> = C extends { content: { 'application/json': infer B } } ? B : undefined;
type Success<S> = S extends { 200: infer A } ? Json<A> : S extends { 201: infer A } ? Json<A> : undefined;

/** What the service answers. */
export type Answer<R extends string, M extends Method> =
  Operation<R, M> extends { responses: infer S } ? Success<S> : never;

/** What a request may carry. */
export type Body<R extends string, M extends Method = 'post'> =
  Operation<R, M> extends { requestBody?: infer B } ? Json<NonNullable<B>> : undefined;

type PathOf<R extends string, M extends Method> =
  Operation<R, M> extends { parameters: { path: infer P } } ? { path: P } : { path?: undefined };
type QueryOf<R extends string, M extends Method> =
  Operation<R, M> extends { parameters: { query?: infer Q } } ? { query?: Q } : { query?: undefined };
type Rest = Omit<Call, 'method' | 'body' | 'query'>;

export type GetOptions<R extends string> = PathOf<R, 'get'> & QueryOf<R, 'get'> & Rest;
export type SendOptions<R extends string, M extends Method> = PathOf<R, M> & { body?: Body<R, M> } & Rest;

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
    ...[options]: PathOf<R, 'post'> extends { path: object }
      ? [SendOptions<R, 'post'>]
      : [SendOptions<R, 'post'>?]
  ): Promise<Answer<R, 'post'>> {
    const { path, body, ...rest } = (options ?? {}) as { path?: object; body?: unknown } & Rest;
    return this.client.call(fill(route, path), { ...rest, method: 'POST', body });
  }

  delete<R extends Route<'delete'>>(
    route: R,
    ...[options]: PathOf<R, 'delete'> extends { path: object }
      ? [SendOptions<R, 'delete'>]
      : [SendOptions<R, 'delete'>?]
  ): Promise<Answer<R, 'delete'>> {
    const { path, body, ...rest } = (options ?? {}) as { path?: object; body?: unknown } & Rest;
    return this.client.call(fill(route, path), { ...rest, method: 'DELETE', body });
  }

  put<R extends Route<'put'>>(
    route: R,
    ...[options]: PathOf<R, 'put'> extends { path: object }
      ? [SendOptions<R, 'put'>]
      : [SendOptions<R, 'put'>?]
  ): Promise<Answer<R, 'put'>> {
    const { path, body, ...rest } = (options ?? {}) as { path?: object; body?: unknown } & Rest;
    return this.client.call(fill(route, path), { ...rest, method: 'PUT', body });
  }

  patch<R extends Route<'patch'>>(
    route: R,
    ...[options]: PathOf<R, 'patch'> extends { path: object }
      ? [SendOptions<R, 'patch'>]
      : [SendOptions<R, 'patch'>?]
  ): Promise<Answer<R, 'patch'>> {
    const { path, body, ...rest } = (options ?? {}) as { path?: object; body?: unknown } & Rest;
    return this.client.call(fill(route, path), { ...rest, method: 'PATCH', body });
  }
}
