// Writes src/api/schema.gen.ts from src/api/openapi.json. The service ignores unknown fields and its
// document says so ("additionalProperties": true) on every object; as types that would allow any
// misspelt name, so it is left out here.
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const folder = new URL('../src/api/', import.meta.url);
const document = JSON.parse(readFileSync(new URL('openapi.json', folder), 'utf8'), (key, value) =>
  key === 'additionalProperties' && value === true ? undefined : value,
);
const banner = '// Generated from openapi.json by `npm run generate`. Do not edit.\n\n';
writeFileSync(new URL('schema.gen.ts', folder), banner + astToString(await openapiTS(document)));
