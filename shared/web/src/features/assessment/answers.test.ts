import { isAnswered, parseMeasure, parseNumber, toSubmit } from './answers';

describe('a typed number', () => {
  it.each([
    ['2.5', 2.5],
    ['2,5', 2.5],
    [' 1 000 ', 1000],
    ['-3', -3],
    ['.5', 0.5],
    ['56,218', 56218],
    ['1,234,567.5', 1234567.5],
    ['1,25', 1.25],
  ])('%s is %d', (text, value) => expect(parseNumber(text)).toBe(value));
  it.each(['', 'two', '1/2', '1.2.3', '5 m'])('"%s" is none', (text) =>
    expect(parseNumber(text)).toBeUndefined(),
  );
});

describe('a number with its unit', () => {
  it.each(['3.5 km', '3,500m', '12 °C', '40%', '7'])('%s is one', (text) =>
    expect(parseMeasure(text)).toBe(true),
  );
  it.each(['km', '', 'km 3', '1/2 kg'])('"%s" is none', (text) => expect(parseMeasure(text)).toBe(false));
});

describe('answers', () => {
  it('of several parts count when one part is given', () => {
    expect(isAnswered({ question_id: 'a', matches: { x: '' } })).toBe(false);
    expect(isAnswered({ question_id: 'a', matches: { x: '', y: 'm1' } })).toBe(true);
    expect(isAnswered({ question_id: 'a', gaps: ['', ' '] })).toBe(false);
    expect(isAnswered({ question_id: 'a', gaps: ['', 'milk'] })).toBe(true);
  });

  it('count zero as an answer, and an emptied box as none', () => {
    expect(isAnswered({ question_id: 'a', numeric_answer: 0 })).toBe(true);
    expect(isAnswered({ question_id: 'a', numeric_answer: undefined })).toBe(false);
    expect(isAnswered({ question_id: 'a', text_answer: '  ' })).toBe(false);
    expect(isAnswered({ question_id: 'a', selected_options: [] })).toBe(false);
  });

  it('go out without the empty ones and without those of questions that are gone', () => {
    const questions = [{ id: 'a' }, { id: 'b' }].map((q) => ({
      ...q,
      type: 'single' as const,
      question: '',
      options: [],
      points: 1,
    }));
    const answers = {
      a: { question_id: 'a', selected_option: 'x' },
      b: { question_id: 'b', selected_option: '' },
      gone: { question_id: 'gone', selected_option: 'y' },
    };
    expect(toSubmit(questions, answers)).toEqual([{ question_id: 'a', selected_option: 'x' }]);
  });
});
