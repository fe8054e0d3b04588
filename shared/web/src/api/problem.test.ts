import i18next from 'i18next';
import { explain, Problem } from './problem';

const said = (status: number, code = '') =>
  explain(new Problem(status, { code, detail: 'raw detail' }), i18next.t);

describe('a refusal in words', () => {
  it('is told by its code', () => {
    expect(said(401, 'wrong_pin')).toBe('This PIN is not right. Try again.');
  });
  it('is told by its status when the code is new', () => {
    expect(said(404, 'something_new')).toBe('This is not here, or not for you.');
  });
  it('never shows the raw detail', () => {
    expect(said(418, 'teapot')).toBe('Something went wrong. Please try again.');
  });
});
