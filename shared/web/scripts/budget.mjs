// Fails when a learner's first load is over its budget: the entry with everything it imports at once,
// the pages a learner meets first, and the first texts of the larger of the two languages. Sizes are gzip level 9.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = 150;
const dist = new URL('../dist/app/', import.meta.url).pathname;
const firstPages = [
  'src/features/identity/SignIn.tsx',
  'src/features/identity/PinEntry.tsx',
  'src/features/learning/StudentHome.tsx',
];
const languages = ['src/i18n/en.json?first', 'src/i18n/sw.json?first'];

const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));
const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** The files a chunk needs before it can run. */
function closure(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`the build has no chunk for ${key}`);
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const imported of chunk.imports ?? []) closure(imported, seen);
  return seen;
}

const files = closure('index.html');
for (const page of firstPages) closure(page, files);
const language = languages.map((key) => manifest[key].file).sort((a, b) => size(b) - size(a))[0];
files.add(language);

let total = 0;
for (const file of files) {
  const bytes = size(file);
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB gz  ${file}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB gz  of ${BUDGET_KB} kB for a learner's first load`);
if (total > BUDGET_KB * 1000) {
  console.error('Over budget.');
  process.exit(1);
}
