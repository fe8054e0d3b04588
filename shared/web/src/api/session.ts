import type { Tokens } from './types';

const KEY = 'uhs.session';

/**
 * Where the tokens of this browser live. On a school's shared device they end with the tab;
 * on a parent's own phone they stay, and other tabs share them.
 */
export class SessionStore {
  private readonly storage: () => Storage;

  constructor(private readonly shared: () => boolean) {
    this.storage = () => (this.shared() ? sessionStorage : localStorage);
  }

  read(): Tokens | null {
    try {
      const text = this.storage().getItem(KEY);
      return text ? (JSON.parse(text) as Tokens) : null;
    } catch {
      return null;
    }
  }

  write(tokens: Tokens): void {
    this.storage().setItem(KEY, JSON.stringify(tokens));
  }

  clear(): void {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  }
}
