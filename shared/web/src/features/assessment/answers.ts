import type { Answer, Question } from '../../api/types';

/** What a person typed as a number: "2,5" and "2.5" are the same. undefined while it is none. */
export function parseNumber(text: string): number | undefined {
  const clean = text.trim().replace(/\s/g, '').replace(',', '.');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(clean)) return undefined;
  return Number(clean);
}

/** Whether the question counts as answered. */
export function isAnswered(answer: Answer | undefined): boolean {
  if (!answer) return false;
  return Boolean(
    answer.selected_option ||
      answer.selected_options?.length ||
      answer.text_answer?.trim() ||
      answer.numeric_answer !== undefined,
  );
}

/** The answers in the order of the questions, without the empty ones, as the service takes them. */
export function toSubmit(questions: Question[], answers: Record<string, Answer>): Answer[] {
  return questions.flatMap((q) => {
    const answer = answers[q.id];
    return answer && isAnswered(answer) ? [answer] : [];
  });
}
