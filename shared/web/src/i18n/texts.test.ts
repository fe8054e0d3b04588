import en from './en.json';
import sw from './sw.json';

const english: Record<string, string> = en;
const swahili: Record<string, string> = sw;

/** Names and signs that are the same in both languages. */
const SAME = new Set(['shell.brand', 'shell.not_you_short', 'area.kiswahili', 'school.pin', 'carrier.https']);

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();
const sources = import.meta.glob('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });

describe('the texts', () => {
  it('have the same names in both languages', () => {
    expect(Object.keys(swahili).sort()).toEqual(Object.keys(english).sort());
  });

  it('are translated, not copied', () => {
    const copied = Object.keys(english).filter((key) => english[key] === swahili[key] && !SAME.has(key));
    expect(copied).toEqual([]);
  });

  it('fill in the same values in both languages', () => {
    const differing = Object.keys(english).filter(
      (key) => String(placeholders(english[key] ?? '')) !== String(placeholders(swahili[key] ?? '')),
    );
    expect(differing).toEqual([]);
  });

  it('exist for every name the code uses', () => {
    const used = new Set<string>();
    for (const [file, source] of Object.entries(sources)) {
      if (file.includes('.test.') || file.includes('schema.gen')) continue;
      for (const m of String(source).matchAll(/\bt\(\s*'([^']+)'/g)) used.add(m[1] as string);
      for (const m of String(source).matchAll(/'((?:nav|sync)\.[a-z_]+)'/g)) used.add(m[1] as string);
    }
    const known = (key: string) => key in english || `${key}_other` in english;
    expect([...used].filter((key) => !known(key))).toEqual([]);
    expect(used.size).toBeGreaterThan(150);
  });

  it('never show the words of the engine room to a school', () => {
    const forbidden = /\b(epoch|lane|mirror|dead.?letter|outbox)\b/i;
    const admin = /^(fleet|carrier)\./;
    const shown = Object.entries(english).filter(([key, text]) => !admin.test(key) && forbidden.test(text));
    expect(shown).toEqual([]);
  });
});
