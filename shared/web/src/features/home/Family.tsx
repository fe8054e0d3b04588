import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Navigate } from 'react-router';
import { useUnsent } from '../../offline/useUnsent';
import { Page } from '../../ui/Card';
import { Empty, Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Picture } from '../door/Picture';
import { useMe } from '../identity/session';
import { BackToParent } from './BackToParent';
import { firstName, picturesOf } from './pictures';
import { familyQuery } from './queries';
import { useHandOver } from './useHandOver';

/** Whose turn is it? A child taps her picture; a grown-up takes the phone back. */
export function Family() {
  const { t } = useTranslation();
  const me = useMe();
  const query = useQuery({ ...familyQuery, enabled: me.at_home === true });
  const open = useHandOver();
  const unsent = useUnsent();
  if (!me.at_home) return <Navigate to="/" replace />;

  return (
    <Page title={t('family.title')} lead={t('family.lead')}>
      {unsent.length > 0 && (
        <Notice kind="waiting">{t('family.unsent', { name: firstName(me.profile_data.full_name) })}</Notice>
      )}
      {open.error && <Failure error={open.error} />}
      <Loaded
        query={query}
        isEmpty={(family) => family.children.length === 0}
        empty={<Empty title={t('children.none')} />}
      >
        {(family) => {
          const pictures = picturesOf(family.children);
          return (
            <>
              <ul className="grid grid-cols-2 gap-4 sm:grid-cols-3">
                {family.children.map((child) => (
                  <li key={child.id}>
                    <button
                      type="button"
                      disabled={open.isPending || child.id === me.id}
                      aria-current={child.id === me.id || undefined}
                      onClick={() => open.mutate(child.id)}
                      className="flex min-h-40 w-full flex-col items-center justify-center gap-3 rounded-card border-2 border-line bg-surface p-4 text-center shadow-card hover:border-brand hover:bg-brand-soft aria-[current]:border-brand aria-[current]:bg-brand-soft"
                    >
                      <span className="rounded-3xl bg-[#fff] p-2">
                        <Picture name={pictures.get(child.id) ?? 'sun'} className="size-20" />
                      </span>
                      <span className="text-xl font-bold">{firstName(child.full_name)}</span>
                      {child.id === me.id && <span className="text-sm">{t('family.now')}</span>}
                    </button>
                  </li>
                ))}
              </ul>
              <BackToParent name={firstName(family.guardian_name)} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
