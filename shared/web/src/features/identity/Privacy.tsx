import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import type { Answer, Body } from '../../api/routes';
import { day } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { Check, SelectField } from '../../ui/Field';
import { Failure, Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { ConsentHistory } from './ConsentHistory';
import { useMe } from './session';

type Settings = Answer<'/student/account/privacy', 'get'>;
type Change = Body<'/student/account/privacy', 'put'>;

const SWITCHES = [
  'show_online_status',
  'show_achievements',
  'show_streak',
  'allow_friend_requests',
  'allow_study_group_invites',
] as const;

const PRIVACY = ['student-privacy'];

/** What a learner shows of herself, and what her guardian has answered. */
export function Privacy() {
  const { t } = useTranslation();
  const me = useMe();
  const query = useQuery({ queryKey: PRIVACY, queryFn: () => service.get('/student/account/privacy') });
  return (
    <Page title={t('privacy.title')} lead={t('privacy.lead')} above={<Back to="/me">{t('me.title')}</Back>}>
      <Loaded query={query}>{(settings) => <Form settings={settings} />}</Loaded>
      <ConsentHistory learner={me.id} title={t('privacy.allowed')} />
      <ButtonLink look="plain" to="/who-sees" state={{ from: '/me/privacy' }}>
        {t('who_sees.open')}
      </ButtonLink>
    </Page>
  );
}

function Form({ settings }: { settings: Settings }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (body: Change) => service.put('/student/account/privacy', { body }),
    onSettled: () =>
      Promise.all([PRIVACY, ['who-sees']].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
  const { status, granted_by, granted_at } = settings.coppa_consent;
  const open = status === 'granted';
  return (
    <Card className="space-y-4">
      <h2 className="text-xl">{t('privacy.show')}</h2>
      {open ? (
        <p className="text-muted">
          {t('privacy.opened', { name: granted_by, date: granted_at ? day(granted_at, i18n.language) : '' })}
        </p>
      ) : (
        <Notice>{t('privacy.closed')}</Notice>
      )}
      <SelectField
        label={t('privacy.profile')}
        value={settings.profile_visibility}
        disabled={!open || change.isPending}
        onChange={(e) =>
          change.mutate({ profile_visibility: e.target.value as Settings['profile_visibility'] })
        }
      >
        {['private', 'class', 'school'].map((v) => (
          <option key={v} value={v}>
            {t(`privacy.profile_${v}`)}
          </option>
        ))}
      </SelectField>
      {SWITCHES.map((name) => (
        <Check
          key={name}
          label={t(`privacy.${name}`)}
          checked={settings[name]}
          disabled={!open || change.isPending}
          onChange={(on) => change.mutate({ [name]: on })}
        />
      ))}
      {change.error && <Failure error={change.error} />}
      {change.isSuccess && (
        <Notice kind="good" live>
          {t('privacy.saved')}
        </Notice>
      )}
    </Card>
  );
}
