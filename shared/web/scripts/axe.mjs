// Opens pages of a running school or cloud in Chromium, in light and dark, on a phone and on a wide
// screen, in both languages, and fails when axe finds a violation, a page scrolls sideways or a text is missing.
//
//   node scripts/axe.mjs BASE [--pin CLASS NAME PIN | --password EMAIL PASSWORD] PATH...
//
// CHROMIUM names the browser, by default /usr/bin/chromium; SHOTS a folder for pictures of every page.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { faults } from './faults.mjs';

const VIEWS = [
  { width: 360, colorScheme: 'light', language: 'en' },
  { width: 360, colorScheme: 'dark', language: 'sw' },
  { width: 1280, colorScheme: 'light', language: 'sw' },
  { width: 1280, colorScheme: 'dark', language: 'en' },
];

const [base, ...rest] = process.argv.slice(2);
const secret = rest[0] === '--pin' ? rest.splice(0, 4) : rest[0] === '--password' ? rest.splice(0, 3) : [];
if (!base || rest.length === 0) {
  console.error(
    'usage: node scripts/axe.mjs BASE [--pin CLASS NAME PIN | --password EMAIL PASSWORD] PATH...',
  );
  process.exit(2);
}

async function signIn(page) {
  const [way, ...words] = secret;
  if (way === '--pin') {
    const [className, name, pin] = words;
    await page.goto(`${base}/sign-in`);
    await page.getByRole('link', { name: className }).click();
    await page.getByRole('link', { name }).click();
    for (const digit of pin) await page.getByRole('button', { name: digit, exact: true }).click();
    await page.locator('main button').last().click();
  } else if (way === '--password') {
    await page.goto(`${base}/sign-in/password`);
    await page.fill('input[name=email]', words[0]);
    await page.fill('input[name=password]', words[1]);
    await page.click('button[type=submit]');
  }
  if (way) await page.waitForSelector('nav');
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
let bad = 0;
for (const { width, colorScheme, language } of VIEWS) {
  const context = await browser.newContext({
    viewport: { width, height: 740 },
    colorScheme,
  });
  await context.addInitScript((l) => localStorage.setItem('uhs.language', l), language);
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    bad += 1;
    console.error(`${page.url()}: ${error.message}`);
  });
  await signIn(page);
  for (const path of rest) {
    await page.goto(base + path);
    await page.waitForFunction(
      () => document.querySelector('main h1') && !document.querySelector('.animate-pulse'),
    );
    if (process.env.SHOTS) {
      const name = `${path.replaceAll(/\W+/g, '_')}-${width}-${colorScheme}-${language}.png`;
      await page.screenshot({ path: join(process.env.SHOTS, name), fullPage: true });
    }
    const list = await faults(page);
    for (const fault of list) console.error(`${path} ${width} px ${colorScheme} ${language}: ${fault}`);
    bad += list.length;
  }
  await context.close();
}
await browser.close();
console.log(bad === 0 ? `${rest.length} pages, ${VIEWS.length} views each: no fault` : `${bad} faults`);
process.exit(bad === 0 ? 0 : 1);
