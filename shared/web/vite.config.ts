import react from '@vitejs/plugin-react';
import { loadEnv, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { LATER } from './src/i18n/later';

/** One file of texts in two parts: en.json?first is what a learner's phone needs, en.json?later the rest. */
function texts(): Plugin {
  return {
    name: 'uhs-texts',
    enforce: 'pre',
    transform(json, id) {
      const [file, part] = id.split('?');
      if (!file?.endsWith('.json') || (part !== 'first' && part !== 'later')) return null;
      const all = Object.entries(JSON.parse(json));
      const chosen = Object.fromEntries(all.filter(([name]) => LATER.test(name) === (part === 'later')));
      return { code: `export default ${JSON.stringify(chosen)}`, map: null, moduleType: 'js' };
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), texts()],
  // The dev server passes the API on to a running appliance or cloud, named by UHS_BACKEND.
  server: { proxy: proxyTo(loadEnv(mode, '.', 'UHS_').UHS_BACKEND ?? 'http://127.0.0.1:8080') },
  build: {
    // dist/index.html is the committed placeholder; the build must not touch it.
    outDir: 'dist/app',
    target: 'es2020',
    manifest: true,
    chunkSizeWarningLimit: 400,
    rolldownOptions: {
      output: {
        // What many pages share travels as one file: on a slow link thirty small requests cost more than their bytes.
        codeSplitting: {
          groups: [
            {
              name: 'shared',
              test: /lucide-react|tanstack|src\/(ui|api|offline|features)\//,
              minShareCount: 3,
            },
          ],
        },
      },
    },
  },
  test: {
    environment: 'jsdom',
    globals: true,
    setupFiles: ['src/test/setup.ts'],
    testTimeout: 30_000,
    include: ['src/**/*.test.{ts,tsx}'],
  },
}));

function proxyTo(backend: string) {
  return { '/api': backend, '/media': backend };
}
