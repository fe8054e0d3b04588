import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

export type Language = 'en' | 'sw';

const KEY = 'uhs.language';
const texts: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
  en: () => import('./en.json'),
  sw: () => import('./sw.json'),
};

export function preferredLanguage(): Language {
  const stored = localStorage.getItem(KEY);
  if (stored === 'en' || stored === 'sw') return stored;
  return navigator.language.toLowerCase().startsWith('sw') ? 'sw' : 'en';
}

/** Loads one language only: a phone never fetches the texts it does not show. */
export async function startI18n(language: Language = preferredLanguage()): Promise<void> {
  const { default: resource } = await texts[language]();
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

/** Switches every visible text at once, without a reload, and remembers the choice. */
export async function switchLanguage(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    const { default: resource } = await texts[language]();
    i18next.addResourceBundle(language, 'translation', resource);
  }
  await i18next.changeLanguage(language);
  localStorage.setItem(KEY, language);
  document.documentElement.lang = language;
}
