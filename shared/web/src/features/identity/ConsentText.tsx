import { useTranslation } from 'react-i18next';
import type { ConsentText as Text } from '../../api/types';

/** All that a guardian is told before she decides: the law's items, folded under the tick box. */
export function ConsentText({ text }: { text: Text }) {
  const { t } = useTranslation();
  const items = [
    ['who', text.who],
    ['how_long', text.how_long],
    ['automated', text.automated],
    ['transfer', text.transfer],
    ['withdraw', text.withdraw],
  ] as const;
  return (
    <details className="rounded-xl border border-line px-3">
      <summary className="flex min-h-tap cursor-pointer items-center font-medium">
        {t('consent.more', { title: text.title })}
      </summary>
      <dl className="space-y-2 pb-3 text-sm">
        {items.map(([name, words]) => (
          <div key={name}>
            <dt className="font-medium">{t(`consent.item_${name}`)}</dt>
            <dd className="text-muted">{words}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
