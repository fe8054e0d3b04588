import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import type { Answer, Question } from '../../api/types';
import { QuestionForm } from './QuestionForm';

const option = (id: string, text: string) => ({ id, text });

/** Shows a question as the page does and tells the last answer. */
function show(question: Partial<Question>): { answer: () => Answer | undefined } {
  let last: Answer | undefined;
  const whole = { id: 'q', question: 'Well?', options: [], points: 1, ...question } as Question;
  function Held() {
    const [answer, setAnswer] = useState<Answer>();
    last = answer;
    return <QuestionForm question={whole} answer={answer} onAnswer={setAnswer} />;
  }
  render(<Held />);
  return { answer: () => last };
}

it('matches each thing with one of the others', async () => {
  const q = show({
    type: 'matching',
    options: [option('a', 'Cow'), option('b', 'Goat')],
    matches: [option('x', 'Kid'), option('y', 'Calf')],
  });
  await userEvent.selectOptions(screen.getByLabelText('Cow'), 'Calf');
  await userEvent.selectOptions(screen.getByLabelText('Goat'), 'Kid');
  expect(q.answer()).toEqual({ question_id: 'q', matches: { a: 'y', b: 'x' } });
});

it('puts lines in order by buttons, and says where a line went', async () => {
  const q = show({
    type: 'ordering',
    options: [option('a', 'Pod'), option('b', 'Seed'), option('c', 'Leaf')],
  });
  expect(q.answer()).toBeUndefined();
  await userEvent.click(screen.getByRole('button', { name: 'Move down: Pod' }));
  await userEvent.click(screen.getByRole('button', { name: 'Move down: Pod' }));
  expect(q.answer()).toEqual({ question_id: 'q', selected_options: ['b', 'c', 'a'] });
  expect(screen.getByText('Pod is now number 3.')).toBeInTheDocument();
  expect(screen.getByRole('button', { name: 'Move down: Pod' })).toBeDisabled();
});

it('takes the order it stands in when the child says so', async () => {
  const q = show({ type: 'ordering', options: [option('a', 'Seed'), option('b', 'Leaf')] });
  await userEvent.click(screen.getByRole('button', { name: 'The order is right as it is' }));
  expect(q.answer()).toEqual({ question_id: 'q', selected_options: ['a', 'b'] });
});

it('fills gaps by typing and by choosing, and shows the sentence', async () => {
  const q = show({
    type: 'cloze',
    question: 'A hen lays [1], a goat gives [2].',
    gaps: [{}, { choices: ['wool', 'milk'] }],
  });
  await userEvent.type(screen.getByLabelText('Word for gap 1'), 'eggs');
  await userEvent.selectOptions(screen.getByLabelText('Word for gap 2'), 'milk');
  expect(q.answer()).toEqual({ question_id: 'q', gaps: ['eggs', 'milk'] });
  expect(screen.getByText('A hen lays eggs, a goat gives milk.')).toBeInTheDocument();
});

it('keeps a number with its unit only when there is a number', async () => {
  const q = show({ type: 'numeric', ask_unit: true });
  const box = screen.getByLabelText(/with its unit/);
  await userEvent.type(box, 'km');
  expect(q.answer()).toEqual({ question_id: 'q', text_answer: '' });
  expect(screen.getByText(/Please type a number/)).toBeInTheDocument();
  await userEvent.clear(box);
  await userEvent.type(box, '3,500 m');
  expect(q.answer()).toEqual({ question_id: 'q', text_answer: '3,500 m' });
});

it('opens a hint when it is asked for', async () => {
  show({ type: 'short_text', hint: 'It says moo.' });
  expect(screen.queryByText('It says moo.')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Show a hint' }));
  expect(screen.getByText('It says moo.')).toBeInTheDocument();
});
