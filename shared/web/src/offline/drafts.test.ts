import { DraftKeeper, dropDraft, openDraft } from './drafts';

const answer = (text: string) => ({ question_id: 'q1', text_answer: text });

describe('a draft', () => {
  it('survives a reload with its answers and its attempt id', async () => {
    const draft = await openDraft('amina', 'quiz-1');
    const keeper = new DraftKeeper(draft);
    keeper.set('q1', answer('one quarter'));
    await keeper.flush();

    const again = await openDraft('amina', 'quiz-1');
    expect(again.answers.q1?.text_answer).toBe('one quarter');
    expect(again.attemptId).toBe(draft.attemptId);
  });

  it('is written within a second of the last change without being asked', async () => {
    const keeper = new DraftKeeper(await openDraft('amina', 'quiz-2'));
    keeper.set('q1', answer('a'));
    keeper.set('q1', answer('ab'));
    await vi.waitFor(
      async () => expect((await openDraft('amina', 'quiz-2')).answers.q1?.text_answer).toBe('ab'),
      { timeout: 1_000 },
    );
  });

  it('belongs to one person', async () => {
    const keeper = new DraftKeeper(await openDraft('amina', 'quiz-3'));
    keeper.set('q1', answer('mine'));
    await keeper.flush();
    expect((await openDraft('brian', 'quiz-3')).answers).toEqual({});
  });

  it('takes no answer after it was handed in', async () => {
    const keeper = new DraftKeeper(await openDraft('amina', 'quiz-4'));
    keeper.set('q1', answer('before'));
    await keeper.close();
    keeper.set('q1', answer('after'));
    await keeper.flush();
    expect((await openDraft('amina', 'quiz-4')).answers.q1?.text_answer).toBe('before');
  });

  it('starts a new attempt after the old one was dropped', async () => {
    const first = await openDraft('amina', 'quiz-5');
    await dropDraft('amina', 'quiz-5');
    expect((await openDraft('amina', 'quiz-5')).attemptId).not.toBe(first.attemptId);
  });
});
