import { ago, moment, money } from './format';

const plain = (text: string) => text.replace(/\u00a0/g, ' ');

describe('money', () => {
  it('shows whole shillings without cents', () => {
    expect(plain(money(1500, 'KES', 'en'))).toBe('Ksh 1,500');
  });
  it('shows both digits when there are cents', () => {
    expect(plain(money(1500.5, 'KES', 'en'))).toBe('Ksh 1,500.50');
  });
  it('reads the same amount in Kiswahili', () => {
    expect(plain(money(1500, 'KES', 'sw'))).toMatch(/1,500$/);
  });
});

describe('moments', () => {
  const now = new Date(2026, 10, 23, 12, 0);
  it('are a time of day today', () => {
    expect(moment(new Date(2026, 10, 23, 10, 42).toISOString(), 'en', now)).toBe('10:42');
  });
  it('carry the date on another day', () => {
    expect(moment(new Date(2026, 10, 20, 10, 42).toISOString(), 'en', now)).toMatch(/20 Nov.*10:42/);
  });
  it('carry the year in another year', () => {
    expect(moment(new Date(2025, 10, 20, 10, 42).toISOString(), 'en', now)).toMatch(/2025/);
  });
});

describe('age', () => {
  const now = new Date('2026-11-23T12:00:00Z');
  it('is told in the largest unit that fits', () => {
    expect(ago('2026-11-21T11:00:00Z', 'en', now)).toBe('2 days ago');
    expect(ago('2026-11-23T10:00:00Z', 'en', now)).toBe('2 hours ago');
    expect(ago('2026-11-23T11:59:40Z', 'en', now)).toBe('now');
  });
  it('is told in Kiswahili', () => {
    expect(ago('2026-11-20T11:00:00Z', 'sw', now)).toBe('siku 3 zilizopita');
  });
});
