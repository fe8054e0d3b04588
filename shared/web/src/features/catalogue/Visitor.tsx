import { useTranslation } from 'react-i18next';
import { ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { useMe } from '../identity/session';

/** Home of staff and partners: who they are here, and what the platform holds for them now. */
export function Visitor() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <Page
      title={t('home.hello', { name: me.profile_data.full_name.split(' ')[0] })}
      lead={t(`visitor.${me.role}`)}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Card className="space-y-3">
          <h2 className="text-lg">{t('visitor.courses')}</h2>
          <p className="text-muted">{t('visitor.courses_text')}</p>
          <ButtonLink to="/courses">{t('home.all_courses')}</ButtonLink>
        </Card>
        {me.role === 'staff' && (
          <Card className="space-y-3">
            <h2 className="text-lg">{t('visitor.fleet')}</h2>
            <p className="text-muted">{t('visitor.fleet_text')}</p>
            <ButtonLink to="/fleet">{t('nav.fleet')}</ButtonLink>
          </Card>
        )}
        <Card className="space-y-3">
          <h2 className="text-lg">{t('visitor.account')}</h2>
          <p className="text-muted">{me.email}</p>
          <ButtonLink look="plain" to="/me">
            {t('nav.me')}
          </ButtonLink>
        </Card>
      </div>
    </Page>
  );
}
