import { Client } from './client';
import { Problem } from './problem';
import { SessionStore } from './session';
import type { Tokens } from './types';

const tokens = (name: string): Tokens => ({
  access_token: name,
  refresh_token: `refresh-${name}`,
  token_type: 'bearer',
  expires_in: 1800,
});

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

function world(fetcher: (url: string, init: RequestInit) => Response | Promise<Response>) {
  const session = new SessionStore(() => true);
  session.write(tokens('old'));
  const told = { reached: [] as boolean[], ended: 0 };
  const events = {
    reached: (ok: boolean) => void told.reached.push(ok),
    ended: () => {
      told.ended += 1;
    },
  };
  const calls: string[] = [];
  const client = new Client(session, events, async (url, init) => {
    calls.push(String(url));
    return fetcher(String(url), init ?? {});
  });
  return { client, session, told, calls };
}

const bearer = (init: RequestInit) => (init.headers as Record<string, string>).Authorization;

describe('the client', () => {
  afterEach(() => sessionStorage.clear());

  it('renews an expired token once for all calls that meet it', async () => {
    const { client, calls, session } = world(async (url, init) => {
      if (url.endsWith('/auth/refresh')) {
        await new Promise((done) => setTimeout(done, 20));
        return json(200, tokens('new'));
      }
      return bearer(init) === 'Bearer new' ? json(200, { url }) : json(401, {});
    });
    const answers = await Promise.all(['/a', '/b', '/c'].map((path) => client.call(path)));
    expect(answers).toHaveLength(3);
    expect(calls.filter((url) => url.endsWith('/auth/refresh'))).toHaveLength(1);
    expect(session.read()?.access_token).toBe('new');
  });

  it.each([
    'wrong_password',
    'wrong_code',
    'second_factor',
    'wrong_pin',
    'wrong_pictures',
    'wrong_door_code',
  ])('does not send what was refused as %s a second time', async (code) => {
    const { client, calls, session } = world(() => json(401, { code }));
    const error = await client.call('/home/return', { method: 'POST', body: {} }).catch((e) => e);
    expect(error).toMatchObject({ status: 401, code });
    expect(calls).toHaveLength(1);
    expect(session.read()?.access_token).toBe('old');
  });

  it('uses the token another tab has renewed meanwhile', async () => {
    const { client, calls, session } = world((_, init) => {
      if (bearer(init) === 'Bearer theirs') return json(200, {});
      session.write(tokens('theirs'));
      return json(401, {});
    });
    await client.call('/a');
    expect(calls.some((url) => url.endsWith('/auth/refresh'))).toBe(false);
  });

  it('ends the session when the refresh token is refused', async () => {
    const { client, told, session } = world(() => json(401, { code: 'refresh_reused' }));
    await expect(client.call('/a')).rejects.toMatchObject({ status: 401 });
    expect(told.ended).toBe(1);
    expect(session.read()).toBeNull();
  });

  it('signs nobody out because the server is busy', async () => {
    const { client, told, session } = world((url) => json(url.endsWith('/auth/refresh') ? 503 : 401, {}));
    await expect(client.call('/a')).rejects.toMatchObject({ status: 503 });
    expect(told.ended).toBe(0);
    expect(session.read()).not.toBeNull();
  });

  it('tells that the server cannot be reached', async () => {
    const { client, told } = world(() => {
      throw new TypeError('Failed to fetch');
    });
    await expect(client.call('/a')).rejects.toMatchObject({ status: 0, unreachable: true });
    expect(told.reached).toEqual([false]);
  });

  it('hands on the code, the fields and the request id of a refusal', async () => {
    const body = {
      title: 'x',
      code: 'bad_phone',
      request_id: 'r7',
      errors: [{ loc: ['body', 'phone_number'], msg: 'm' }],
    };
    const { client } = world(() => json(422, body));
    const problem = (await client.call('/a').catch((e: unknown) => e)) as Problem;
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ code: 'bad_phone', requestId: 'r7', fields: ['phone_number'] });
  });

  it('sends no token with a sign-in', async () => {
    const { client } = world((_, init) => json(200, { sent: bearer(init) ?? 'none' }));
    expect(await client.call('/auth/pin', { method: 'POST', body: {}, anonymous: true })).toEqual({
      sent: 'none',
    });
  });
});
