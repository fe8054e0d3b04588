const KEY = 'uhs.names';
const MOST = 6;

/** Somebody who signed in on this device: the short name of the sign-in page, and where it is found. */
export interface Remembered {
  id: string;
  name: string;
  classId: string;
}

/** The names of this device, the latest first. No secret is kept: each asks for it anew. */
export function remembered(): Remembered[] {
  try {
    const list = JSON.parse(localStorage.getItem(KEY) ?? '[]') as Remembered[];
    return Array.isArray(list) ? list.filter((r) => r.id && r.name && r.classId).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function remember(who: Remembered): void {
  const rest = remembered().filter((r) => r.id !== who.id);
  localStorage.setItem(KEY, JSON.stringify([who, ...rest].slice(0, MOST)));
}

export function forgetName(id: string): void {
  localStorage.setItem(KEY, JSON.stringify(remembered().filter((r) => r.id !== id)));
}
