import { newId } from './id';

describe('a new id', () => {
  it('is a UUID of version 4', () => {
    expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
  it('is made without the parts of crypto that plain http lacks', () => {
    const whole = globalThis.crypto;
    vi.stubGlobal('crypto', { getRandomValues: whole.getRandomValues.bind(whole) });
    expect(new Set(Array.from({ length: 100 }, newId)).size).toBe(100);
    vi.unstubAllGlobals();
  });
});
