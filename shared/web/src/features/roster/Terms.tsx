import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { SchoolTerm } from '../../api/types';
import { day } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import type { Place } from './place';
import { termsQuery } from './queries';

/** The three terms of this year: the country's, until the school sets its own dates. */
export function Terms({ place }: { place: Place }) {
  const { t } = useTranslation();
  const [year] = useState(() => new Date().getFullYear());
  const query = useQuery(termsQuery(place.school, year));
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('classes.terms', { year })}</h2>
      <Loaded query={query} rows={1}>
        {(terms) => (
          <ul className="divide-y divide-line">
            {terms.map((term) => (
              <li key={term.number}>
                <Term term={term} place={place} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}

function Term({ term, place }: { term: SchoolTerm; place: Place }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const [form, setForm] = useState(term);
  const save = useMutation({
    mutationFn: () => service.put('/schools/{id}/terms', { path: { id: place.school }, body: form }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['roster', place.school, 'terms'] }),
  });
  const dates = [term.first_day, term.last_day].map((d) => day(d, i18n.language)).join(' – ');
  const words = t('classes.term', { number: term.number, dates });
  if (!place.manages) return <p className="py-2">{words}</p>;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <details>
      <summary className="flex min-h-tap cursor-pointer items-center">{words}</summary>
      <form onSubmit={submit} className="grid gap-4 pb-3 sm:grid-cols-2">
        <TextField
          label={t('classes.first_day')}
          type="date"
          required
          value={form.first_day}
          onChange={(e) => setForm({ ...form, first_day: e.target.value })}
        />
        <TextField
          label={t('classes.last_day')}
          type="date"
          required
          value={form.last_day}
          onChange={(e) => setForm({ ...form, last_day: e.target.value })}
        />
        {save.error && <Failure error={save.error} />}
        <Button type="submit" look="plain" disabled={save.isPending}>
          {t(save.isSuccess ? 'classes.saved' : 'roster.save')}
        </Button>
      </form>
    </details>
  );
}
