import 'fake-indexeddb/auto';
import '@testing-library/jest-dom/vitest';
import { configure } from '@testing-library/react';
import { beforeAll } from 'vitest';
import { laterTexts, startI18n } from '../i18n';

// A busy computer renders a page in more than the usual second.
configure({ asyncUtilTimeout: 5_000 });

beforeAll(async () => {
  // jsdom has no matchMedia.
  window.matchMedia ??= (query: string) =>
    ({
      matches: false,
      media: query,
      addEventListener() {},
      removeEventListener() {},
    }) as unknown as MediaQueryList;
  await startI18n('en');
  await laterTexts();
});
