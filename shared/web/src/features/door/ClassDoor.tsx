import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Images, KeyRound, LockOpen, Wifi } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { client, service } from '../../api';
import type { SchoolLearner, SecretCard } from '../../api/types';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { learnersQuery } from '../identity/queries';
import { useMe } from '../identity/session';
import { CardSheet } from './CardSheet';
import { doorQuery, lockedQuery } from './queries';

type Kind = 'pin' | 'pictures';

/** How the children of a class sign in: a new PIN or pictures in two taps, cards to print, devices to open. */
export function ClassDoor() {
  const { t } = useTranslation();
  const school = useMe().school_id ?? '';
  const query = useQuery(learnersQuery(school));
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: async (want: { kind: Kind; learners: string[] }) =>
      (await service.post('/learners/cards', { body: want })).cards,
    onSuccess: () => queries.invalidateQueries({ queryKey: ['learners', school] }),
  });

  if (make.data) {
    return (
      <Page title={t('cards.title')}>
        <CardSheet cards={make.data as SecretCard[]} onDone={() => make.reset()} />
      </Page>
    );
  }
  return (
    <Page title={t('door.title')} lead={t('door.lead')}>
      {make.error && <Failure error={make.error} />}
      <Loaded
        query={query}
        isEmpty={(list) => list.length === 0}
        empty={<Empty title={t('class.none')}>{t('class.none_text')}</Empty>}
      >
        {(list) => (
          <OneClass
            learners={list}
            busy={make.isPending}
            onMake={(kind, learners) => make.mutate({ kind, learners })}
          />
        )}
      </Loaded>
    </Page>
  );
}

interface OneClassProps {
  learners: SchoolLearner[];
  busy: boolean;
  onMake: (kind: Kind, learners: string[]) => void;
}

function OneClass({ learners, busy, onMake }: OneClassProps) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const classes = [...new Set(learners.map((l) => l.class_name))].filter(Boolean).sort();
  const wanted = params.get('class') ?? '';
  const chosen = classes.includes(wanted) ? wanted : (classes[0] ?? '');
  const shown = learners.filter((l) => l.class_name === chosen);
  const query = useQuery({ ...lockedQuery, refetchInterval: 20_000 });
  const locked = query.data ?? [];
  const all = shown.map((l) => l.id);

  return (
    <div className="space-y-5">
      <div className="max-w-xs">
        <SelectField
          label={t('class.class')}
          value={chosen}
          onChange={(e) => setParams({ class: e.target.value }, { replace: true })}
        >
          {classes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </SelectField>
      </div>
      <Opened name={chosen} />
      <Card className="space-y-3">
        <h2 className="text-xl">{t('cards.for_class')}</h2>
        <p className="text-muted">{t('cards.for_class_text')}</p>
        <div className="flex flex-wrap gap-3">
          <Button look="plain" disabled={busy} onClick={() => onMake('pictures', all)}>
            <Images aria-hidden="true" className="size-5" />
            {t('cards.all_pictures')}
          </Button>
          <Button look="plain" disabled={busy} onClick={() => onMake('pin', all)}>
            <KeyRound aria-hidden="true" className="size-5" />
            {t('cards.all_pins')}
          </Button>
        </div>
      </Card>
      {query.error && !query.data && (
        <Failure error={query.error} busy={query.isFetching} onRetry={() => void query.refetch()} />
      )}
      <ul className="divide-y divide-line rounded-card border border-line bg-surface px-4">
        {shown.map((learner) => (
          <li key={learner.id}>
            <Row learner={learner} locked={locked.includes(learner.id)} busy={busy} onMake={onMake} />
          </li>
        ))}
      </ul>
    </div>
  );
}

interface RowProps {
  learner: SchoolLearner;
  locked: boolean;
  busy: boolean;
  onMake: (kind: Kind, learners: string[]) => void;
}

function Row({ learner, locked, busy, onMake }: RowProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const unlock = useMutation({
    mutationFn: () => service.post('/learners/{id}/unlock', { path: { id: learner.id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['locked'] }),
  });
  const name = learner.full_name;
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 py-3">
      <div className="min-w-0 space-y-1">
        <p className="font-medium">{name}</p>
        <p className="flex flex-wrap gap-2">
          {learner.has_pictures && <Badge tone="brand">{t('door.has_pictures')}</Badge>}
          {learner.has_pin && <Badge>{t('school.pin')}</Badge>}
          {!learner.has_pin && !learner.has_pictures && <Badge tone="sun">{t('door.has_none')}</Badge>}
          {locked && <Badge tone="bad">{t('door.locked')}</Badge>}
        </p>
        {unlock.error && <Failure error={unlock.error} />}
      </div>
      <div className="flex flex-wrap gap-2">
        {locked && (
          <Button
            look="sun"
            aria-label={t('door.unlock_for', { name })}
            disabled={unlock.isPending}
            onClick={() => unlock.mutate()}
          >
            <LockOpen aria-hidden="true" className="size-5" />
            {t('door.unlock')}
          </Button>
        )}
        <Button
          look="plain"
          aria-label={t('door.new_pictures_for', { name })}
          disabled={busy}
          onClick={() => onMake('pictures', [learner.id])}
        >
          {t('door.new_pictures')}
        </Button>
        <Button
          look="plain"
          aria-label={t('school.new_pin_for', { name })}
          disabled={busy}
          onClick={() => onMake('pin', [learner.id])}
        >
          {t('school.new_pin')}
        </Button>
      </div>
    </div>
  );
}

/** Whether the pictures of the class work on this device, and the two ways to let them. */
function Opened({ name }: { name: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const query = useQuery(doorQuery);
  const change = useMutation({
    mutationFn: (reach: 'device' | 'network' | 'close'): Promise<unknown> =>
      reach === 'close'
        ? client.call<unknown>('/door/classes', { method: 'DELETE', query: { class_name: name } })
        : service.post('/door/classes', { body: { class_name: name, reach } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['door'] }),
  });
  return (
    <Card className="space-y-3">
      <h2 className="text-xl">{t('door.where')}</h2>
      <p className="text-muted">{t('door.where_text')}</p>
      <Loaded query={query} rows={1}>
        {(door) => {
          const open = door.open_classes.includes(name);
          return (
            <div className="space-y-3">
              <Notice kind={open ? 'good' : 'info'}>{t(open ? 'door.open_here' : 'door.not_open')}</Notice>
              {change.error && <Failure error={change.error} />}
              <div className="flex flex-wrap gap-3">
                <Button look="plain" disabled={change.isPending} onClick={() => change.mutate('device')}>
                  {t('door.open_device')}
                </Button>
                <Button look="plain" disabled={change.isPending} onClick={() => change.mutate('network')}>
                  <Wifi aria-hidden="true" className="size-5" />
                  {t('door.open_network')}
                </Button>
                {open && (
                  <Button look="quiet" disabled={change.isPending} onClick={() => change.mutate('close')}>
                    {t('door.close')}
                  </Button>
                )}
              </div>
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}
