import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

export type Language = 'en' | 'sw';

const KEY = 'uhs.language';
type Part = Record<Language, () => Promise<{ default: Record<string, string> }>>;
const first: Part = {
  en: () => import('./en.json?first'),
  sw: () => import('./sw.json?first'),
};
const later: Part = {
  en: () => import('./en.json?later'),
  sw: () => import('./sw.json?later'),
};
let withLater = false;

export function preferredLanguage(): Language {
  const stored = localStorage.getItem(KEY);
  if (stored === 'en' || stored === 'sw') return stored;
  return navigator.language.toLowerCase().startsWith('sw') ? 'sw' : 'en';
}

/** Loads one language only: a phone never fetches the texts it does not show. */
export async function startI18n(language: Language = preferredLanguage()): Promise<void> {
  const { default: resource } = await first[language]();
  await i18next.use(initReactI18next).init({
    lng: language,
    // Keys are flat: "quiz.submit" is one name, not a path.
    keySeparator: false,
    nsSeparator: false,
    resources: { [language]: { translation: resource } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  document.documentElement.lang = language;
}

async function add(language: Language): Promise<void> {
  const { default: resource } = await later[language]();
  i18next.addResourceBundle(language, 'translation', resource);
}

/** Loads the texts that a learner's first pages do not show, now and after every switch of the language. */
export async function laterTexts(): Promise<void> {
  withLater = true;
  await add(i18next.language as Language);
}

/** Switches every visible text at once, without a reload, and remembers the choice. */
export async function switchLanguage(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    const { default: resource } = await first[language]();
    i18next.addResourceBundle(language, 'translation', resource);
  }
  if (withLater) await add(language);
  await i18next.changeLanguage(language);
  localStorage.setItem(KEY, language);
  document.documentElement.lang = language;
}
