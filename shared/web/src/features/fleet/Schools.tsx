import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronRight } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { service } from '../../api';
import type { Box } from '../../api/types';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { OpenAlerts } from '../tutor/OpenAlerts';
import { BoxStatus } from './BoxStatus';
import { Claim } from './Claim';
import { Pager } from './Fleet';
import { fleetPage } from './queries';

/**
 * The admin's home: the schools, and a new one with the code that its box is claimed with. The search is in
 * the address.
 */
export function Schools() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const q = params.get('q') ?? '';
  const skip = Number(params.get('skip') ?? 0);
  const query = useQuery(fleetPage({ q, status: '', trouble: '', sort: 'name', skip }));
  const show = (next: Record<string, string>) => setParams(next, { replace: true });
  return (
    <Page title={t('schools.title')} lead={t('schools.lead')}>
      <OpenAlerts />
      <div className="grid gap-6 lg:grid-cols-[1fr_22rem] lg:items-start">
        <div className="space-y-4">
          <TextField
            label={t('fleet.search')}
            type="search"
            defaultValue={q}
            onChange={(e) => show(e.target.value ? { q: e.target.value } : {})}
          />
          <Loaded
            query={query}
            isEmpty={(page) => page.boxes.length === 0}
            empty={
              q ? (
                <Empty title={t('schools.none_such')} />
              ) : (
                <Empty title={t('schools.none')}>{t('schools.none_text')}</Empty>
              )
            }
          >
            {(page) => (
              <>
                <ul className="space-y-3">
                  {page.boxes.map((box) => (
                    <li key={box.school_id}>
                      <SchoolLink box={box} />
                    </li>
                  ))}
                </ul>
                <Pager
                  skip={page.skip}
                  total={page.total}
                  more={page.has_more}
                  go={(to) => show({ ...(q && { q }), ...(to && { skip: String(to) }) })}
                />
              </>
            )}
          </Loaded>
        </div>
        <CreateSchool />
      </div>
    </Page>
  );
}

function SchoolLink({ box }: { box: Box }) {
  return (
    <Link
      to={`/schools/${box.school_id}`}
      className="flex min-h-16 items-center gap-3 rounded-card border border-line bg-surface p-4 shadow-card hover:border-brand"
    >
      <span className="min-w-0 flex-1">
        <span className="block text-lg font-bold">{box.school}</span>
        <span className="block text-sm text-muted">{[box.code, box.county].filter(Boolean).join(' · ')}</span>
      </span>
      <BoxStatus status={box.status} />
      <ChevronRight aria-hidden="true" className="size-5 shrink-0 text-muted" />
    </Link>
  );
}

function CreateSchool() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [code, setCode] = useState('');
  const [county, setCounty] = useState('');
  const [language, setLanguage] = useState<'en' | 'sw'>('en');

  const create = useMutation({
    mutationFn: async () => {
      const body = { name: name.trim(), code: code.trim().toUpperCase(), county: county.trim(), language };
      const school = await service.post('/schools', { body });
      const claim = await service.post('/schools/{id}/claim-codes', { path: { id: school.id } });
      return { school, claim };
    },
    onSuccess: () => {
      setName('');
      setCode('');
      setCounty('');
    },
    // The school may exist although its code could not be fetched.
    onSettled: () => queries.invalidateQueries({ queryKey: ['fleet'] }),
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!create.isPending) create.mutate();
  };

  return (
    <Card>
      <form onSubmit={submit} className="space-y-4">
        <h2 className="text-xl">{t('schools.create')}</h2>
        <TextField
          label={t('schools.name')}
          required
          minLength={2}
          maxLength={120}
          value={name}
          onChange={(e) => setName(e.target.value)}
        />
        <TextField
          label={t('schools.code')}
          hint={t('schools.code_hint')}
          required
          maxLength={20}
          pattern="[A-Za-z0-9\-]{2,20}"
          autoCapitalize="characters"
          value={code}
          onChange={(e) => setCode(e.target.value)}
        />
        <TextField
          label={t('schools.county')}
          required
          minLength={2}
          maxLength={60}
          value={county}
          onChange={(e) => setCounty(e.target.value)}
        />
        <SelectField
          label={t('me.language')}
          value={language}
          onChange={(e) => setLanguage(e.target.value === 'sw' ? 'sw' : 'en')}
        >
          <option value="en" lang="en">
            English
          </option>
          <option value="sw" lang="sw">
            Kiswahili
          </option>
        </SelectField>
        {create.error && <Failure error={create.error} />}
        <Button type="submit" wide disabled={create.isPending}>
          {t('schools.create_button')}
        </Button>
        {create.data && <Claim school={create.data.school.name} claim={create.data.claim} />}
      </form>
    </Card>
  );
}
