import { useTranslation } from 'react-i18next';
import { chooseTheme, type ThemeChoice, useTheme } from '../../app/theme';
import { type Language, switchLanguage } from '../../i18n';
import { useConnection } from '../../offline/connection';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField } from '../../ui/Field';
import { MyAccount } from '../accounts/MyAccount';
import { gradeName } from '../catalogue/area';
import { SchoolCode } from '../door/SchoolCode';
import { PersonalData } from '../personal/PersonalData';
import { signOut, useMe } from './session';

/** Who is signed in, and how the app looks on this device. */
export function Profile() {
  return useMe().at_home ? <AtHome /> : <Own />;
}

/** A child on her parent's phone: the account and the phone are looked after in the parent's session. */
function AtHome() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <Page title={t('me.title')}>
      <Facts
        facts={[
          [t('me.name'), me.profile_data.full_name],
          [t('me.grade'), me.profile_data.grade_level && gradeName(me.profile_data.grade_level, t)],
          [t('me.school'), me.profile_data.school_name],
        ]}
      />
      <ButtonLink look="plain" to="/who-sees">
        {t('who_sees.open')}
      </ButtonLink>
      <ButtonLink look="plain" to="/family">
        {t('me.to_parent')}
      </ButtonLink>
    </Page>
  );
}

type Fact = [name: string, value: string | undefined];

function Facts({ facts }: { facts: Fact[] }) {
  return (
    <Card>
      <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt className="text-sm text-muted">{name}</dt>
              <dd className="font-medium">{value}</dd>
            </div>
          ))}
      </dl>
    </Card>
  );
}

function Own() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const side = useConnection((s) => s.status?.side);
  const choice = useTheme((s) => s.choice);
  const facts: Fact[] = [
    [t('me.name'), me.profile_data.full_name],
    [t('me.role'), t(`role.${me.role}`)],
    [t('me.duties'), me.duties?.map((duty) => t(`duty.${duty}`)).join(', ')],
    [t('me.email'), me.email],
    [t('me.phone'), me.profile_data.phone_number],
    [t('me.school'), me.profile_data.school_name],
    [t('me.grade'), me.profile_data.grade_level && gradeName(me.profile_data.grade_level, t)],
  ];

  return (
    <Page title={t('me.title')}>
      <Facts facts={facts} />
      {side === 'cloud' && <MyAccount />}
      <PersonalData person="me" />
      <Card>
        <h2 className="mb-4 text-lg">{t('me.device')}</h2>
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label={t('me.language')}
            value={i18n.language}
            onChange={(e) => void switchLanguage(e.target.value as Language)}
          >
            <option value="en" lang="en">
              English
            </option>
            <option value="sw" lang="sw">
              Kiswahili
            </option>
          </SelectField>
          <SelectField
            label={t('me.theme')}
            value={choice}
            onChange={(e) => chooseTheme(e.target.value as ThemeChoice)}
          >
            {(['system', 'light', 'dark'] as const).map((theme) => (
              <option key={theme} value={theme}>
                {t(`theme.${theme}`)}
              </option>
            ))}
          </SelectField>
        </div>
      </Card>
      {side === 'cloud' && me.role === 'instructor' && me.school_id && <SchoolCode />}
      {me.duties?.includes('head') && (
        <ButtonLink look="plain" to="/recovery-sheets">
          {t('sheets.title')}
        </ButtonLink>
      )}
      {me.role === 'student' && (
        <ButtonLink look="plain" to="/me/privacy">
          {t('privacy.title')}
        </ButtonLink>
      )}
      <ButtonLink look="plain" to="/who-sees">
        {t(me.role === 'student' ? 'who_sees.open' : 'who_sees.open_adult')}
      </ButtonLink>
      <ButtonLink look="plain" to="/me/security">
        {t('sessions.title')}
      </ButtonLink>
      <Button look="plain" onClick={() => void signOut()}>
        {t('shell.sign_out')}
      </Button>
    </Page>
  );
}
