import { X } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Initials } from '../identity/Initials';
import { forgetName, remembered } from './remembered';

/** Who used this device before: three brothers and one phone. A tap leads to the PIN or the pictures. */
export function Names() {
  const { t } = useTranslation();
  const [names, setNames] = useState(remembered);
  if (names.length === 0) return null;
  return (
    <section className="space-y-2">
      <h2 className="text-lg">{t('door.names')}</h2>
      <ul className="flex flex-wrap gap-3">
        {names.map((r) => (
          <li key={r.id} className="flex items-center rounded-2xl border border-line bg-surface shadow-card">
            <Link
              className="flex min-h-16 items-center gap-3 rounded-2xl px-4 text-lg font-semibold hover:bg-brand-soft"
              to={`/sign-in/classes/${r.classId}/${r.id}`}
            >
              <Initials name={r.name} />
              {r.name}
            </Link>
            <button
              type="button"
              className="grid min-h-16 min-w-child place-items-center rounded-2xl text-muted hover:bg-raised"
              aria-label={t('door.forget_name', { name: r.name })}
              onClick={() => {
                forgetName(r.id);
                setNames(remembered());
              }}
            >
              <X aria-hidden="true" className="size-5" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
