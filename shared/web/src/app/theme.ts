import { create } from 'zustand';

export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'uhs.theme';
const system = () => window.matchMedia('(prefers-color-scheme: dark)');

function stored(): ThemeChoice {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const useTheme = create<{ choice: ThemeChoice }>(() => ({ choice: stored() }));

function paint(choice: ThemeChoice): void {
  const dark = choice === 'dark' || (choice === 'system' && system().matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

/** Follows the system until the person chooses; the choice stays on this device. */
export function chooseTheme(choice: ThemeChoice): void {
  if (choice === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
  useTheme.setState({ choice });
  paint(choice);
}

export function startTheme(): void {
  paint(stored());
  system().addEventListener('change', () => paint(useTheme.getState().choice));
}
