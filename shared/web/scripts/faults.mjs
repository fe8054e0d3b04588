// What is wrong with an open page for somebody who does not see, hear or move as others do: the rules of
// WCAG 2.2, levels A and AA, as axe knows them, and whether the page scrolls sideways.
import { readFileSync } from 'node:fs';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** One line for each fault of the page; none is good. */
export async function faults(page) {
  await page.evaluate(axe);
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  const { violations } = await page.evaluate(
    (values) => window.axe.run({ runOnly: { type: 'tag', values } }),
    RULES,
  );
  return [
    ...(wide > 0 ? [`scrolls sideways by ${wide} px`] : []),
    ...violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`),
  ];
}
