import { LATER } from './later';

const sources = import.meta.glob('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });

/** The file that an import means, as the names of sources have it. */
function found(from: string, name: string): string | undefined {
  const path: string[] = [];
  for (const part of [...from.split('/').slice(0, -1), ...name.split('/')]) {
    if (part === '..' && path.length > 0 && path.at(-1) !== '..') path.pop();
    else if (part !== '.') path.push(part);
  }
  const whole = path.join('/');
  return ['.tsx', '.ts', '/index.ts']
    .flatMap((end) => [whole + end, `./${whole}${end}`, `../${whole.replace(/^\.\.\//, '')}${end}`])
    .find((file) => file in sources);
}

/** A file with everything that it imports at once. */
function closure(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const m of String(sources[file]).matchAll(/^(?:import|export)(?! type)[^;]*? from '(\.[^']+)'/gm)) {
    const next = found(file, m[1] as string);
    if (next) closure(next, seen);
  }
  return seen;
}

/** The names of later texts in a file. */
const names = (file: string) =>
  [...String(sources[file]).matchAll(/['"`]([a-z_]+\.[a-z_]*)/g)]
    .map((m) => m[1] as string)
    .filter((name) => LATER.test(name) && !file.endsWith('/later.ts'));

describe('texts that are loaded later', () => {
  const pages = '../app/Pages.tsx';
  const made = [...String(sources[pages]).matchAll(/= (page|later)\(\(\) => import\('([^']+)'\)/g)].map(
    ([, how, file]) => ({ how, file: found(pages, file as string) as string }),
  );

  it.each(made.filter(({ how }) => how === 'page'))(
    'are not on $file, which does not wait for them',
    ({ file }) => {
      const missing = [...closure(file)].flatMap((one) => names(one).map((name) => `${one}: ${name}`));
      expect(missing).toEqual([]);
    },
  );

  it('are not in the frame of the app', () => {
    const missing = [...closure('../main.tsx')].flatMap((one) => names(one).map((name) => `${one}: ${name}`));
    expect(missing).toEqual([]);
  });

  it('are looked for in every page', () => {
    expect(made.length).toBeGreaterThan(40);
    expect(made.every(({ file }) => file in sources)).toBe(true);
    expect(closure('../features/learning/ClassList.tsx')).toContain('../features/tutor/OpenAlerts.tsx');
  });
});
