import { useQuery } from '@tanstack/react-query';
import { ChevronRight, KeyRound, Users } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { useConnection } from '../../offline/connection';
import { Back } from '../../ui/Back';
import { ButtonLink } from '../../ui/Button';
import { Page } from '../../ui/Card';
import { Empty, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Names } from '../door/Names';
import { ClaimBox } from '../fleet/ClaimBox';
import { Initials } from './Initials';
import { PasswordSignIn } from './PasswordSignIn';
import { classesQuery, namesQuery } from './queries';
import { useSession } from './session';

const TILE =
  'flex min-h-16 w-full items-center gap-3 rounded-2xl border border-line bg-surface px-4 py-3 text-left text-lg font-semibold shadow-card hover:border-brand hover:bg-brand-soft';

/** The door: at the school a child taps class, name and PIN; in the cloud it is e-mail and password. */
export function SignIn() {
  const status = useConnection((s) => s.status);
  if (status?.side === 'cloud') return <PasswordSignIn />;
  return status?.claimed === false ? <ClaimBox /> : <Classes />;
}

function Classes() {
  const { t } = useTranslation();
  const expired = useSession((s) => s.expired);
  const query = useQuery(classesQuery);

  return (
    <Page title={t('signin.title')} lead={t('signin.choose_class')}>
      {expired && (
        <Notice kind="waiting" live>
          {t('session.expired')}
        </Notice>
      )}
      <Names />
      <Loaded
        query={query}
        isEmpty={(data) => !data.classes?.length}
        empty={<Empty title={t('signin.no_classes')}>{t('signin.no_classes_text')}</Empty>}
      >
        {(data) => (
          <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
            {data.classes?.map((c) => (
              <li key={c.id}>
                <Link className={TILE} to={`/sign-in/classes/${c.id}`}>
                  <span className="grid size-11 shrink-0 place-items-center rounded-xl bg-sun-soft text-sun-ink">
                    <Users aria-hidden="true" className="size-6" />
                  </span>
                  <span className="min-w-0 flex-1">
                    <span className="block">{c.name}</span>
                    <span className="block text-sm font-normal text-muted">
                      {t('signin.learners', { count: c.learners })}
                    </span>
                  </span>
                  <ChevronRight aria-hidden="true" className="size-5 shrink-0 text-muted" />
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <div className="border-t border-line pt-5">
        <ButtonLink look="plain" to="/sign-in/password">
          <KeyRound aria-hidden="true" className="size-5" />
          {t('signin.teacher')}
        </ButtonLink>
      </div>
    </Page>
  );
}

/** The names of one class. */
export function ClassNames() {
  const { t } = useTranslation();
  const { class: id = '' } = useParams();
  const classes = useQuery(classesQuery);
  const query = useQuery(namesQuery(id));
  const name = classes.data?.classes?.find((c) => c.id === id)?.name;

  return (
    <Page
      title={name ?? t('signin.title')}
      lead={t('signin.choose_name')}
      above={<Back to="/sign-in">{t('signin.other_class')}</Back>}
    >
      <Loaded
        query={query}
        isEmpty={(data) => !data.learners?.length}
        empty={
          <Empty title={t('signin.no_names')}>
            <ButtonLink to="/sign-in">{t('signin.other_class')}</ButtonLink>
          </Empty>
        }
      >
        {(data) => (
          <ul className="grid gap-2.5 sm:grid-cols-2 lg:grid-cols-3">
            {data.learners?.map((learner) => (
              <li key={learner.id}>
                <Link className={TILE} to={`/sign-in/classes/${id}/${learner.id}`}>
                  <Initials name={learner.name} />
                  <span className="min-w-0 flex-1">{learner.name}</span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
