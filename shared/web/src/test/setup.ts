import 'fake-indexeddb/auto';
import '@testing-library/jest-dom/vitest';
import { beforeAll } from 'vitest';
import { startI18n } from '../i18n';

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
});
