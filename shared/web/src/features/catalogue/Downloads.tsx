import { useQuery } from '@tanstack/react-query';
import { CircleCheck, Download as DownloadIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Download } from '../../api/types';
import { number } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Badge } from '../../ui/Badge';
import { Card, Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Progress } from '../../ui/Progress';

/** Which courses the school's box holds, and which are still on their way. */
export function Downloads() {
  const { t } = useTranslation();
  const query = useQuery({
    queryKey: ['downloads'],
    queryFn: () => service.get('/downloads'),
    refetchInterval: 5_000,
  });
  return (
    <Page
      title={t('downloads.title')}
      lead={t('downloads.lead')}
      above={<Back to="/courses">{t('nav.courses')}</Back>}
    >
      <Loaded
        query={query}
        isEmpty={(data) => !data.downloads?.length}
        empty={<Empty title={t('downloads.none')}>{t('downloads.none_text')}</Empty>}
      >
        {(data) => (
          <ul className="space-y-3">
            {data.downloads?.map((d) => (
              <li key={d.course_id}>
                <Row download={d} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}

function Row({ download: d }: { download: Download }) {
  const { t, i18n } = useTranslation();
  // Learners can open it; pictures may follow.
  const here = d.installed_edition === d.edition;
  const whole = here && d.pictures_missing === 0;
  const size = (bytes: number) => number(bytes / 1_000_000, i18n.language, 1);
  return (
    <Card className="space-y-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-lg">{d.title}</h2>
        <Badge tone={here ? 'good' : 'sun'} icon={here ? CircleCheck : DownloadIcon}>
          {here ? t('downloads.here') : t('downloads.coming')}
        </Badge>
      </div>
      {!whole && (
        <Progress
          done={d.bytes_done}
          total={d.bytes_total}
          label={d.title}
          words={`${percent(d, i18n.language)} %`}
        />
      )}
      {here && !whole && <p>{t('downloads.pictures', { count: d.pictures_missing })}</p>}
      {!here && d.installed_edition > 0 && <p>{t('downloads.older', { edition: d.installed_edition })}</p>}
      {d.error && (
        <Notice kind="waiting">{t(`downloads.error.${d.error}`, t('downloads.error.failed'))}</Notice>
      )}
      <p className="text-sm text-muted">
        {t('downloads.size', { size: size(d.bytes_total) })} ·{' '}
        {t('downloads.edition', { edition: d.edition })}
      </p>
    </Card>
  );
}

function percent(d: Download, language: string): string {
  return number(d.bytes_total > 0 ? Math.floor((d.bytes_done / d.bytes_total) * 100) : 0, language);
}
