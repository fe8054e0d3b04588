import { KeyRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { ClaimCode } from '../../api/types';
import { moment } from '../../i18n/format';

/** The code a box is claimed with. It is shown here once and never again. */
export function Claim({ school, claim }: { school: string; claim: ClaimCode }) {
  const { t, i18n } = useTranslation();
  return (
    <div role="status" className="space-y-2 rounded-2xl bg-sun-soft p-4 text-sun-ink">
      <p className="flex items-center gap-2 font-semibold">
        <KeyRound aria-hidden="true" className="size-5" />
        {t('claim.title', { school })}
      </p>
      <p className="select-all break-all rounded-xl bg-surface px-3 py-2 font-mono text-xl font-bold tracking-wide text-ink">
        {claim.code}
      </p>
      <p>{t('claim.once')}</p>
      <p className="text-sm">{t('claim.expires', { time: moment(claim.expires_at, i18n.language) })}</p>
    </div>
  );
}
