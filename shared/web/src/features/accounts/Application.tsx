import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { queryClient } from '../../api/query';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { reloadMe, useMe } from '../identity/session';
import { Documents } from './Documents';
import { myApplicationsQuery } from './queries';
import { TextArea } from './TextArea';

/** What somebody sees whose account waits for approval. A teacher applies here and reads how it went. */
export function Application() {
  const { t } = useTranslation();
  const me = useMe();
  // New tokens too: those of an applicant open nothing after the approval.
  const again = useMutation({ mutationFn: reloadMe });
  return (
    <Page title={t('apply.title')} lead={t(me.role === 'instructor' ? 'apply.lead' : 'apply.partner')}>
      {me.role === 'instructor' && <Teacher />}
      {again.error && <Failure error={again.error} />}
      <Button look="plain" disabled={again.isPending} onClick={() => again.mutate()}>
        {again.isPending ? t('action.busy') : t('apply.look_again')}
      </Button>
    </Page>
  );
}

function Teacher() {
  const { t } = useTranslation();
  const query = useQuery(myApplicationsQuery);
  return (
    <Loaded query={query}>
      {(mine) => {
        const last = mine[mine.length - 1];
        if (last && last.status !== 'rejected') {
          return (
            <>
              <Notice kind={last.status === 'approved' ? 'good' : 'waiting'} live>
                {t(last.status === 'approved' ? 'apply.approved' : 'apply.waiting')}
              </Notice>
              {last.status === 'pending' && <Documents has={last.documents} />}
            </>
          );
        }
        return (
          <>
            {last && (
              <Notice kind="bad">
                <p className="font-medium">{t('apply.rejected')}</p>
                <p className="break-words">{last.review_notes}</p>
              </Notice>
            )}
            <Documents has={last?.documents ?? []} />
            <Form />
          </>
        );
      }}
    </Loaded>
  );
}

function Form() {
  const { t } = useTranslation();
  const me = useMe();
  const [name, setName] = useState(me.profile_data.full_name);
  const [phone, setPhone] = useState(me.profile_data.phone_number ?? '');
  const [qualifications, setQualifications] = useState('');
  const [years, setYears] = useState('');
  const [subjects, setSubjects] = useState('');
  const [bio, setBio] = useState('');
  const apply = useMutation({
    mutationFn: () =>
      service.post('/instructor-applications/apply', {
        body: {
          full_name: name.trim(),
          phone: phone.trim(),
          qualifications: qualifications.trim(),
          experience_years: Number(years),
          subjects: subjects
            .split(',')
            .map((s) => s.trim())
            .filter(Boolean),
          bio: bio.trim(),
        },
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['applications'] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!apply.isPending) apply.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label={t('register.name')}
          autoComplete="name"
          required
          maxLength={120}
          value={name}
          onChange={(e) => setName(e.target.value)}
        />
        <TextField
          label={t('me.phone')}
          type="tel"
          autoComplete="tel"
          maxLength={20}
          value={phone}
          onChange={(e) => setPhone(e.target.value)}
        />
        <TextArea
          label={t('apply.qualifications')}
          hint={t('apply.qualifications_hint')}
          required
          maxLength={2000}
          value={qualifications}
          onChange={(e) => setQualifications(e.target.value)}
        />
        <TextField
          label={t('apply.years')}
          type="number"
          inputMode="numeric"
          min={0}
          max={70}
          required
          value={years}
          onChange={(e) => setYears(e.target.value)}
        />
        <TextField
          label={t('apply.subjects')}
          hint={t('apply.subjects_hint')}
          value={subjects}
          onChange={(e) => setSubjects(e.target.value)}
        />
        <TextArea
          label={t('apply.bio')}
          maxLength={2000}
          value={bio}
          onChange={(e) => setBio(e.target.value)}
        />
        {apply.error && <Failure error={apply.error} />}
        <Button type="submit" wide disabled={apply.isPending}>
          {apply.isPending ? t('action.busy') : t('apply.submit')}
        </Button>
      </form>
    </Card>
  );
}
