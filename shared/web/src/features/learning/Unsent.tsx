import { Clock, Send, Trash2, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { outbox } from '../../api';
import { explain, Problem } from '../../api/problem';
import { moment } from '../../i18n/format';
import type { Unsent as Entry } from '../../offline/database';
import { useUnsent } from '../../offline/useUnsent';
import { Badge } from '../../ui/Badge';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Empty } from '../../ui/Loaded';
import { useMe } from '../identity/session';

/** What this device still holds: it waits, or it was refused and the learner decides. */
export function Unsent() {
  const { t } = useTranslation();
  const entries = useUnsent();
  return (
    <Page title={t('unsent.title')} lead={t('unsent.lead')}>
      {entries.length === 0 ? (
        <Empty title={t('unsent.none')}>
          <ButtonLink to="/">{t('nav.home')}</ButtonLink>
        </Empty>
      ) : (
        <ul className="space-y-3">
          {entries.map((entry) => (
            <li key={entry.id}>
              <Row entry={entry} />
            </li>
          ))}
        </ul>
      )}
    </Page>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const { refused } = entry;

  const retry = async () => {
    setBusy(true);
    await outbox.retry(entry.id, me.id);
    setBusy(false);
  };

  return (
    <Card className="space-y-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-lg">{entry.title}</h2>
        <Badge tone={refused ? 'bad' : 'sun'} icon={refused ? TriangleAlert : Clock}>
          {refused ? t('unsent.state_refused') : t('unsent.state_waiting')}
        </Badge>
      </div>
      <p className="text-sm text-muted">
        {t(`unsent.kind_${entry.kind}`)} · {moment(entry.createdAt, i18n.language)}
      </p>
      {refused && (
        <p className="text-bad">
          {explain(new Problem(refused.status, { code: refused.code }), t)}
          {refused.requestId && ` ${t('error.request_id', { id: refused.requestId })}`}
        </p>
      )}
      <div className="flex flex-wrap gap-3">
        <Button look="plain" disabled={busy} onClick={() => void retry()}>
          <Send aria-hidden="true" className="size-5" />
          {t('unsent.send')}
        </Button>
        {refused && (
          <Button look="quiet" onClick={() => (sure ? void outbox.discard(entry.id) : setSure(true))}>
            <Trash2 aria-hidden="true" className="size-5" />
            {sure ? t('unsent.discard_sure') : t('unsent.discard')}
          </Button>
        )}
      </div>
    </Card>
  );
}
