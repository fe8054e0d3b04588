// Copies what /docs and /redoc load into the built application, so that both pages work without the
// internet. Runs after vite, which empties dist/app. swagger-init.js is our own, in public/apidocs.
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename } from 'node:path';

const FILES = [
  'swagger-ui-dist/swagger-ui.css',
  'swagger-ui-dist/swagger-ui-bundle.js',
  'swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt',
  'redoc/bundles/redoc.standalone.js',
  'redoc/bundles/redoc.standalone.js.LICENSE.txt',
];

const packages = new URL('../node_modules/', import.meta.url);
const target = new URL('../dist/app/apidocs/', import.meta.url);
mkdirSync(target, { recursive: true });
for (const file of FILES) copyFileSync(new URL(file, packages), new URL(basename(file), target));
// The licence texts of the two packages themselves.
copyFileSync(new URL('swagger-ui-dist/LICENSE', packages), new URL('swagger-ui.LICENSE.txt', target));
copyFileSync(new URL('redoc/LICENSE', packages), new URL('redoc.LICENSE.txt', target));
