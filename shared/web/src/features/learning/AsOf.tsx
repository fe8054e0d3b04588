import { useTranslation } from 'react-i18next';
import { ago, moment } from '../../i18n/format';

/** How old the news from the school is: "From school, 2 days ago". */
export function AsOf({ at }: { at: string | null | undefined }) {
  const { t, i18n } = useTranslation();
  if (!at) return <span>{t('as_of.never')}</span>;
  return (
    <time dateTime={at} title={moment(at, i18n.language)}>
      {t('as_of.when', { when: ago(at, i18n.language) })}
    </time>
  );
}
