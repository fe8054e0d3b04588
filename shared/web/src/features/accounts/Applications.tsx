import { useMutation, useQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client, service } from '../../api';
import { queryClient } from '../../api/query';
import type { Application } from '../../api/types';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { applicationsQuery } from './queries';
import { TextArea } from './TextArea';

/** Teachers who want to teach here; admins and staff decide. */
export function Applications() {
  const { t } = useTranslation();
  const [status, setStatus] = useState('pending');
  const query = useQuery(applicationsQuery(status));
  return (
    <Page title={t('review.title')} lead={t('review.lead')}>
      <SelectField label={t('review.show')} value={status} onChange={(e) => setStatus(e.target.value)}>
        {['pending', 'approved', 'rejected'].map((s) => (
          <option key={s} value={s}>
            {t(`review.${s}`)}
          </option>
        ))}
      </SelectField>
      <Loaded
        query={query}
        isEmpty={(data) => data.applications.length === 0}
        empty={<Empty title={t('review.none')} />}
      >
        {(data) => (
          <ul className="space-y-4">
            {data.applications.map((a) => (
              <li key={a.id}>
                <One application={a} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}

function One({ application: a }: { application: Application }) {
  const { t, i18n } = useTranslation();
  const facts: [string, string][] = [
    [t('me.email'), a.applicant.email],
    [t('me.phone'), a.applicant.phone_number],
    [t('apply.years'), String(a.teaching_experience_years)],
    [t('apply.subjects'), a.subjects.join(', ')],
    [t('apply.qualifications'), a.qualifications],
    [t('apply.bio'), a.motivation],
    [t('review.notes'), a.review_notes],
  ];
  return (
    <Card>
      <h2 className="text-lg">
        {a.applicant.first_name} {a.applicant.last_name}
      </h2>
      <p className="mb-3 text-sm text-muted">
        {t('review.sent', { date: new Date(a.submitted_at).toLocaleDateString(i18n.language) })}
      </p>
      <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} className="min-w-0">
              <dt className="text-sm text-muted">{name}</dt>
              <dd className="whitespace-pre-line break-words">{value}</dd>
            </div>
          ))}
      </dl>
      {a.documents.length > 0 && (
        <div className="mt-4 flex flex-wrap gap-3">
          {a.documents.map((kind) => (
            <DocumentButton key={kind} id={a.id} kind={kind} />
          ))}
        </div>
      )}
      {a.status === 'pending' && <Decide id={a.id} />}
    </Card>
  );
}

/** What a document is called on the reader's disk, by what it is. */
const ENDINGS: Record<string, string> = {
  'application/pdf': '.pdf',
  'image/png': '.png',
  'image/jpeg': '.jpg',
};

/** A document is fetched with the session and saved; it is never opened inside this page. */
function DocumentButton({ id, kind }: { id: string; kind: string }) {
  const { t } = useTranslation();
  const load = useMutation({
    mutationFn: async () => {
      const file = await client.download(`/instructor-applications/${id}/documents/${kind}`);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(file);
      link.download = kind + (ENDINGS[file.type] ?? '');
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
  });
  return (
    <>
      <Button look="plain" disabled={load.isPending} onClick={() => load.mutate()}>
        <Download aria-hidden="true" className="size-5" />
        {t(`document.${kind}`)}
      </Button>
      {load.error && <Failure error={load.error} />}
    </>
  );
}

function Decide({ id }: { id: string }) {
  const { t } = useTranslation();
  const [rejecting, setRejecting] = useState(false);
  const [reason, setReason] = useState('');
  const decide = useMutation({
    mutationFn: (decision: 'approved' | 'rejected') =>
      service.put('/staff/instructor-applications/{id}', {
        path: { id },
        body: { decision, ...(decision === 'rejected' && { rejection_reason: reason.trim() }) },
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['applications'] }),
  });
  const reject = (event: FormEvent) => {
    event.preventDefault();
    decide.mutate('rejected');
  };
  return (
    <div className="mt-4 space-y-4 border-t border-line pt-4">
      {decide.error && <Failure error={decide.error} />}
      {rejecting ? (
        <form onSubmit={reject} className="space-y-4">
          <TextArea
            label={t('review.reason')}
            hint={t('review.reason_hint')}
            required
            maxLength={1000}
            value={reason}
            onChange={(e) => setReason(e.target.value)}
          />
          <div className="flex flex-wrap gap-3">
            <Button type="submit" disabled={decide.isPending}>
              {t('review.reject')}
            </Button>
            <Button look="plain" onClick={() => setRejecting(false)}>
              {t('action.cancel')}
            </Button>
          </div>
        </form>
      ) : (
        <div className="flex flex-wrap gap-3">
          <Button disabled={decide.isPending} onClick={() => decide.mutate('approved')}>
            {t('review.approve')}
          </Button>
          <Button look="plain" disabled={decide.isPending} onClick={() => setRejecting(true)}>
            {t('review.reject_open')}
          </Button>
        </div>
      )}
    </div>
  );
}
