// Plays a student, a bursar, a parent and an admin in Chromium, on the pages of a running world, and
// asserts what they read. The words come from the app's own texts, so a changed wording breaks nothing.
//
//   node pages.mjs school|cloud     with what to do as JSON on standard input; see browser_test.go
//
// CHROMIUM names the browser; "shots" in the input is a folder for pictures, empty for none.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const web = new URL('../../../shared/web/', import.meta.url);
const { faults: faultsOf } = await import(new URL('scripts/faults.mjs', web));
const { chromium } = createRequire(new URL('package.json', web))('playwright-core');
const texts = Object.fromEntries(
  ['en', 'sw'].map((l) => [l, JSON.parse(readFileSync(new URL(`src/i18n/${l}.json`, web), 'utf8'))]),
);
const input = JSON.parse(readFileSync(0, 'utf8'));

/** A text of the app; gaps stand for anything, as a pattern. */
function says(key, language = 'en') {
  const text = texts[language][key];
  assert.ok(text, `the app has no text ${key}`);
  const escaped = text.split(/\{\{\w+\}\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(escaped.join('.+'));
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

const faults = [];
async function open(base, { width = 360, dark = false, language = 'en' } = {}) {
  const context = await browser.newContext({
    baseURL: base,
    viewport: { width, height: width < 600 ? 740 : 800 },
    deviceScaleFactor: width < 600 ? 2 : 1,
    hasTouch: width < 600,
    colorScheme: dark ? 'dark' : 'light',
    timezoneId: 'Africa/Nairobi',
  });
  context.setDefaultTimeout(20_000);
  await context.addInitScript((l) => {
    if (!localStorage.getItem('uhs.language')) localStorage.setItem('uhs.language', l);
  }, language);
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  return page;
}

async function ready(page) {
  await page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('.animate-pulse'));
  await page.evaluate(() => document.fonts.ready);
}

async function shot(page, name) {
  if (!input.shots) return;
  await ready(page);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.waitForTimeout(400); // transitions
  await page.screenshot({ path: join(input.shots, `${name}.png`) });
}

async function sees(page, key, where = 'body', language = 'en') {
  await page.locator(where).getByText(says(key, language)).first().waitFor();
}

const press = (page, key) => page.locator('main').getByText(says(key)).first().click();

async function typePIN(page, pin) {
  for (const digit of pin) await page.getByRole('button', { name: digit, exact: true }).click();
  await page.locator('main button').last().click();
}

async function signInByPIN(page, { className, name, pin, wrongFirst = false }) {
  await page.goto('/sign-in');
  await page.getByRole('link', { name: className }).click();
  await page.getByRole('link', { name: new RegExp(name.split(' ')[0]) }).click();
  if (wrongFirst) {
    await typePIN(page, '0000');
    await page.getByRole('alert').first().waitFor();
  }
  await typePIN(page, pin);
  await page.waitForURL('**/');
  await ready(page);
}

async function signInByPassword(page, { email, password }) {
  await page.goto('/sign-in/password');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.waitForURL('**/');
  await ready(page);
}

async function answer(page, q) {
  for (const choice of q.choices ?? []) {
    await page.getByRole(q.type === 'single' ? 'radio' : 'checkbox', { name: choice, exact: true }).check();
  }
  if (q.text) await page.locator('main input').first().fill(q.text);
}

/** The learner's day with the school's internet unplugged. */
async function student() {
  const page = await open(input.base);
  await signInByPIN(page, { ...input.learner, wrongFirst: true });
  // Whatever was done here before: it never says that there is internet.
  await page
    .getByText(says('sync.done_no_internet'))
    .or(page.getByText(says('sync.waiting_one')))
    .or(page.getByText(says('sync.waiting_other')))
    .first()
    .waitFor();

  await page.goto(`/courses/${input.course}`);
  await press(page, 'course.start');
  await page.goto(`/courses/${input.course}/lessons/${input.lesson}`);
  await ready(page);
  assert.ok((await page.locator('article.lesson').innerText()).length > 500, 'the lesson is empty');
  await shot(page, 'lesson-phone');
  await press(page, 'lesson.mark');
  await sees(page, 'lesson.is_done');
  await press(page, 'lesson.quiz');
  await ready(page);

  for (const [i, q] of input.questions.entries()) {
    await page.getByText(q.question).first().waitFor();
    await answer(page, q);
    if (i === 0) await shot(page, 'quiz-phone');
    await press(page, i + 1 < input.questions.length ? 'quiz.next' : 'quiz.to_review');
  }
  await sees(page, 'quiz.all_answered');

  // The phone loses the box: nothing is called saved, and the work is not lost.
  await page.context().setOffline(true);
  await press(page, 'quiz.hand_in');
  await sees(page, 'quiz.waiting');
  await sees(page, 'sync.offline');
  await shot(page, 'quiz-offline-phone');
  await page.context().setOffline(false);
  await sees(page, 'quiz.arrived');
  await press(page, 'quiz.see_marks');
  await sees(page, 'result.passed');
  await sees(page, 'sync.waiting_other'); // saved on the school's box, and the internet is away
  await shot(page, 'result-phone');

  await page.goto('/tutor');
  await page.fill('#question', input.ask);
  await page.locator('main form button[type=submit]').click();
  await sees(page, 'tutor.source_lesson_passages');
  await sees(page, 'tutor.pending');
  await shot(page, 'tutor-phone');
  await page.goto('/');
  await shot(page, 'student-home-phone');
  await page.context().close();

  const swahili = await open(input.base, { dark: true, language: 'sw' });
  await signInByPIN(swahili, input.learner);
  await sees(swahili, 'sync.waiting_other', 'body', 'sw');
  await shot(swahili, 'student-home-phone-sw-dark');
  await swahili.context().close();
}

async function bursar() {
  const page = await open(input.base, { width: 1280 });
  await signInByPassword(page, input.bursar);
  await page.goto('/payments');
  await ready(page);
  const [learner, course, payer] = [0, 1, 2].map((i) => page.locator('main form select').nth(i));
  await learner.selectOption(input.pay.learner);
  await course.selectOption(input.pay.course);
  await payer.locator('option').nth(1).waitFor({ state: 'attached' });
  await payer.selectOption({ index: 1 });
  await page.locator('main form button[type=submit]').click();
  await sees(page, 'payment.waiting', 'main');
  await shot(page, 'bursar-payments-desktop');
  await page.context().close();
}

/** A teacher's phone takes the waiting work along. */
async function takeAlong() {
  const page = await open(input.base);
  await signInByPassword(page, input.bursar);
  await page.goto('/carry');
  await sees(page, 'carry.take_title', 'main');
  const saved = page.waitForEvent('download');
  await press(page, 'carry.take_button');
  assert.match((await saved).suggestedFilename(), /\.uhs$/);
  await sees(page, 'carry.then', 'main');
  await shot(page, 'carry-school-phone');
  await page.context().close();
}

/** Whoever carried the file here needs no account. */
async function handOver() {
  const page = await open(input.base);
  await page.goto('/carry');
  await sees(page, 'carry.cloud_title', 'main');
  await shot(page, 'carry-cloud-phone');
  await page.context().close();
}

async function parent() {
  const page = await open(input.base);
  await signInByPassword(page, input.parent);
  await page.getByText(input.child.name).first().click();
  await page.waitForURL(`**/children/${input.child.id}`);
  await ready(page);
  await sees(page, 'as_of.when');
  await page.getByText(says('child.did_quiz')).first().waitFor();
  assert.match(await page.locator('main').innerText(), /100\s*%/);
  await shot(page, 'parent-child-phone');
  await page.context().close();

  for (const [name, view] of Object.entries({
    'parent-child-desktop': { width: 1280 },
    'parent-child-phone-sw-dark': { dark: true, language: 'sw' },
  })) {
    const other = await open(input.base, view);
    await signInByPassword(other, input.parent);
    await other.goto(`/children/${input.child.id}`);
    await sees(other, 'as_of.when', 'body', view.language);
    await shot(other, name);
    await other.context().close();
  }
}

async function admin() {
  for (const dark of [false, true]) {
    const page = await open(input.base, { width: 1280, dark });
    await signInByPassword(page, input.admin);
    await page.getByText(input.school).first().waitFor();
    await shot(page, `admin-schools-desktop${dark ? '-dark' : ''}`);
    await page.goto('/fleet');
    await page.getByText(input.school).first().waitFor();
    await shot(page, `admin-fleet-desktop${dark ? '-dark' : ''}`);
    await page.locator('main').getByRole('link', { name: input.school }).first().click();
    await sees(page, 'fleet.lanes', 'main');
    await shot(page, `admin-box-desktop${dark ? '-dark' : ''}`);
    await page.context().close();
  }
}

/** The two views of every page of a person: a dark phone in Kiswahili, a light wide screen in English. */
const VIEWS = [
  { width: 360, colorScheme: 'dark', language: 'sw' },
  { width: 1280, colorScheme: 'light', language: 'en' },
];

/** Every page of everybody, read by axe; what it finds is a fault. */
async function look() {
  for (const person of input.look) {
    const page = await open(input.base);
    if (person.pin) await signInByPIN(page, person);
    else if (person.email) await signInByPassword(page, person);
    else await page.goto('/');
    for (const { width, colorScheme, language } of VIEWS) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      await page.evaluate((l) => localStorage.setItem('uhs.language', l), language);
      for (const path of person.paths) {
        await page.goto(path);
        await ready(page);
        assert.ok(
          !(await page.getByText(says('not_found.title', language)).count()),
          `${person.as} has no page ${path}`,
        );
        const name = `${person.as}${path.replace(/[0-9a-f]{8}-[-0-9a-f]+/g, '').replaceAll(/\W+/g, '-')}-${width}`;
        if (process.env.UHS_LOOK) {
          await page.screenshot({ path: join(process.env.UHS_LOOK, `${name}.png`), fullPage: true });
        }
        const found = await faultsOf(page);
        faults.push(...found.map((f) => `${person.as} ${path}, ${width} px, ${colorScheme}, ${language}: ${f}`));
      }
    }
    await page.context().close();
  }
}

const plays = { school: [student, bursar, takeAlong, look], cloud: [parent, admin, handOver, look] }[process.argv[2]];
assert.ok(plays, 'usage: node pages.mjs school|cloud');
try {
  for (const play of plays) {
    await play();
    console.log(`${play.name}: as expected`);
  }
} catch (error) {
  const pages = browser.contexts().flatMap((c) => c.pages());
  for (const page of pages) {
    console.error(`${page.url()}\n${await page.locator('body').innerText().catch(() => '')}`);
    if (process.env.UHS_FAILED) await page.screenshot({ path: process.env.UHS_FAILED }).catch(() => undefined);
  }
  throw error;
} finally {
  await browser.close();
}
assert.deepEqual(faults, [], 'errors in the pages');
