import type { Answer, Question } from '../../api/types';

/** Thousands as they are written in Kenya: 56,218. */
const THOUSANDS = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;

/** What a person typed as a number: "2,5" and "2.5" are the same, "56,218" has thousands. undefined while it is none. */
export function parseNumber(text: string): number | undefined {
  const plain = text.trim().replace(/\s/g, '');
  const clean = THOUSANDS.test(plain) ? plain.replace(/,/g, '') : plain.replace(',', '.');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(clean)) return undefined;
  return Number(clean);
}

/** Whether a text is a number, with or without a unit behind it: "3.5 km". */
export function parseMeasure(text: string): boolean {
  const at = text.search(/[\p{L}°%]/u);
  return parseNumber(at < 0 ? text : text.slice(0, at)) !== undefined;
}

/** Whether the question counts as answered. */
export function isAnswered(answer: Answer | undefined): boolean {
  if (!answer) return false;
  return Boolean(
    answer.selected_option ||
      answer.selected_options?.length ||
      answer.text_answer?.trim() ||
      Object.values(answer.matches ?? {}).some(Boolean) ||
      answer.gaps?.some((gap) => gap.trim()) ||
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
