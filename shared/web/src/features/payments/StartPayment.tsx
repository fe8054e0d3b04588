import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Course, SchoolLearner } from '../../api/types';
import { money } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { coursesQuery } from '../catalogue/queries';
import { guardiansQuery, learnersQuery } from '../identity/queries';

/** Learner, paid course, and one of the guardians' numbers that the school has checked: then start. */
export function StartPayment({ school }: { school: string }) {
  const learners = useQuery(learnersQuery(school));
  return (
    <Card>
      <Loaded query={learners}>{(list) => <Form learners={list} />}</Loaded>
    </Card>
  );
}

function Form({ learners }: { learners: SchoolLearner[] }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const courses = useQuery(coursesQuery());
  const [learnerId, setLearner] = useState('');
  const [courseId, setCourse] = useState('');
  const [phone, setPhone] = useState('');

  const learner = learners.find((l) => l.id === learnerId);
  const known = useQuery({ ...guardiansQuery(learnerId), enabled: learnerId !== '' });
  const guardians = (known.data ?? []).filter((g) => g.verified && g.phone_number);
  const paid = (courses.data?.courses ?? []).filter((c) => c.is_paid);
  const course = paid.find((c) => c.id === courseId);

  const start = useMutation({
    mutationFn: (course: Course) =>
      service.post('/payments/initiate', {
        body: {
          gateway: 'mpesa',
          learner_id: learnerId,
          course_id: courseId,
          phone_number: phone,
          amount: course.price,
          currency: course.currency,
        },
      }),
    onSuccess: () => {
      setPhone('');
      setCourse('');
      return queries.invalidateQueries({ queryKey: ['payments'] });
    },
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (course && !start.isPending) start.mutate(course);
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      <h2 className="text-xl">{t('payments.start')}</h2>
      <SelectField
        label={t('payments.learner')}
        required
        value={learnerId}
        onChange={(e) => {
          setLearner(e.target.value);
          setPhone('');
        }}
      >
        <option value="">{t('payments.choose')}</option>
        {learners.map((l) => (
          <option key={l.id} value={l.id}>
            {[l.full_name, l.class_name].filter(Boolean).join(', ')}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={t('payments.course')}
        required
        value={courseId}
        onChange={(e) => setCourse(e.target.value)}
      >
        <option value="">{t('payments.choose')}</option>
        {paid.map((c) => (
          <option key={c.id} value={c.id}>
            {c.title}, {money(c.price, c.currency, i18n.language)}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={t('payments.payer')}
        hint={t('payments.payer_hint')}
        required
        disabled={!learner}
        value={phone}
        onChange={(e) => setPhone(e.target.value)}
      >
        <option value="">{t('payments.choose')}</option>
        {guardians.map((g) => (
          <option key={g.id} value={g.phone_number}>
            {g.name}, {g.phone_number}
          </option>
        ))}
      </SelectField>
      {known.error && <Failure error={known.error} onRetry={() => void known.refetch()} />}
      {courses.error && !courses.data && (
        <Failure error={courses.error} onRetry={() => void courses.refetch()} />
      )}
      {known.data && guardians.length === 0 && <Notice kind="waiting">{t('payments.no_guardian')}</Notice>}
      {courses.data && paid.length === 0 && <Notice>{t('payments.no_paid_courses')}</Notice>}
      {start.error && <Failure error={start.error} />}
      {start.isSuccess && (
        <Notice kind="good" live>
          {t('payments.started')}
        </Notice>
      )}
      <Button type="submit" wide disabled={start.isPending}>
        {course
          ? t('payments.start_amount', { amount: money(course.price, course.currency, i18n.language) })
          : t('payments.start_button')}
      </Button>
    </form>
  );
}
