import { Problem } from '../api/problem';
import { Outbox } from './outbox';

let serial = 0;
const work = (user: string) => {
  serial += 1;
  return {
    id: `w${serial}`,
    user,
    kind: 'quiz' as const,
    title: 'Quiz',
    path: `/submit/${serial}`,
    body: { n: serial },
  };
};

/** A server that answers as the test says and counts what it saw. */
function server(answers: (path: string) => unknown) {
  const seen: string[] = [];
  const call = async <T>(path: string): Promise<T> => {
    seen.push(path);
    const answer = answers(path);
    if (answer instanceof Error) throw answer;
    return answer as T;
  };
  return { seen, call };
}

describe('the outbox', () => {
  it('forgets work only after the server has answered', async () => {
    const outbox = new Outbox(server(() => ({ ok: true })));
    expect(await outbox.add(work('u1'))).toEqual({ state: 'done', answer: { ok: true } });
    expect(await outbox.list('u1')).toEqual([]);
  });

  it('keeps work while nothing answers and sends it when something does', async () => {
    let away = true;
    const box = server(() => (away ? new Problem(0) : {}));
    const outbox = new Outbox(box);
    const entry = work('u2');
    expect((await outbox.add(entry)).state).toBe('waiting');
    expect((await outbox.list('u2')).map((e) => e.id)).toEqual([entry.id]);

    away = false;
    expect((await outbox.flush('u2')).get(entry.id)?.state).toBe('done');
    expect(await outbox.list('u2')).toEqual([]);
  });

  it('sends each piece once although several ask at the same time', async () => {
    const box = server(() => ({}));
    const outbox = new Outbox(box);
    const entry = work('u3');
    await Promise.all([outbox.add(entry), outbox.flush('u3'), outbox.flush('u3')]);
    expect(box.seen.filter((path) => path === entry.path)).toHaveLength(1);
  });

  it('shows what was refused and does not send it again by itself', async () => {
    const box = server(() => new Problem(422, { code: 'answers_invalid', request_id: 'r1' }));
    const outbox = new Outbox(box);
    const entry = work('u4');
    expect((await outbox.add(entry)).state).toBe('refused');
    await outbox.flush('u4');
    expect(box.seen).toHaveLength(1);
    expect((await outbox.list('u4'))[0]?.refused).toEqual({
      code: 'answers_invalid',
      status: 422,
      requestId: 'r1',
    });
  });

  it('keeps refused work until the person discards it, and sends it again when she asks', async () => {
    let refuse = true;
    const outbox = new Outbox(server(() => (refuse ? new Problem(409) : {})));
    const [kept, thrown] = [work('u5'), work('u5')];
    await outbox.add(kept);
    await outbox.add(thrown);
    await outbox.discard(thrown.id);
    refuse = false;
    expect((await outbox.retry(kept.id, 'u5')).state).toBe('done');
    expect(await outbox.list('u5')).toEqual([]);
  });

  it('keeps the work of one person away from another', async () => {
    const box = server(() => new Problem(0));
    const outbox = new Outbox(box);
    await outbox.add(work('u6'));
    box.seen.length = 0;
    await outbox.flush('u7');
    expect(box.seen).toEqual([]);
    expect(await outbox.list('u7')).toEqual([]);
  });

  it('keeps work when the session has ended', async () => {
    const outbox = new Outbox(server(() => new Problem(401)));
    expect((await outbox.add(work('u8'))).state).toBe('waiting');
    expect(await outbox.list('u8')).toHaveLength(1);
  });
});
