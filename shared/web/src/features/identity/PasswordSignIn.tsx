import { useMutation } from '@tanstack/react-query';
import { Eye, EyeOff } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../../api/problem';
import { useConnection } from '../../offline/connection';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { CodeField } from './SecondFactor';
import { signIn, useSession } from './session';

/** E-mail and password: teachers at the school with the school's own password, everyone else in the cloud. */
export function PasswordSignIn() {
  const { t } = useTranslation();
  const cloud = useConnection((s) => s.status?.side === 'cloud');
  const expired = useSession((s) => s.expired);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [shown, setShown] = useState(false);
  // The password was right; the code of the second factor is asked for.
  const [asksCode, setAsksCode] = useState(false);
  const [code, setCode] = useState('');
  const attempt = useMutation({
    mutationFn: () => signIn({ email: email.trim(), password, ...(asksCode && { code }) }),
    onError: (error) => {
      if (codeOf(error) === 'second_factor') setAsksCode(true);
    },
  });
  const failure = codeOf(attempt.error) === 'second_factor' ? null : attempt.error;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!attempt.isPending) attempt.mutate();
  };

  return (
    <div className="mx-auto max-w-md">
      <Page
        title={cloud ? t('signin.title') : t('signin.teacher')}
        lead={cloud ? t('signin.cloud_lead') : t('signin.teacher_lead')}
        above={cloud ? undefined : <Back to="/sign-in">{t('signin.back_to_classes')}</Back>}
      >
        {expired && (
          <Notice kind="waiting" live>
            {t('session.expired')}
          </Notice>
        )}
        <Card>
          <form onSubmit={submit} className="space-y-4">
            <TextField
              label={cloud ? t('signin.email_or_phone') : t('signin.email')}
              type={cloud ? 'text' : 'email'}
              name="email"
              autoComplete="username"
              required
              value={email}
              onChange={(e) => setEmail(e.target.value)}
            />
            <TextField
              label={cloud ? t('signin.password') : t('signin.school_password')}
              type={shown ? 'text' : 'password'}
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(e) => setPassword(e.target.value)}
            />
            <Button look="quiet" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {shown ? (
                <EyeOff aria-hidden="true" className="size-5" />
              ) : (
                <Eye aria-hidden="true" className="size-5" />
              )}
              {shown ? t('signin.hide') : t('signin.show')}
            </Button>
            {asksCode && <CodeField code={code} onChange={setCode} />}
            {failure && <Failure error={failure} />}
            <Button type="submit" wide disabled={attempt.isPending}>
              {attempt.isPending ? t('signin.busy') : t('signin.submit')}
            </Button>
          </form>
        </Card>
        {!cloud && (
          <nav aria-label={t('recover.title')} className="flex flex-col items-start gap-1">
            <ButtonLink look="quiet" to="/sign-in/school-password">
              {t('redeem.title')}
            </ButtonLink>
            <ButtonLink look="quiet" to="/sign-in/recovery">
              {t('recover.title')}
            </ButtonLink>
            <ButtonLink look="quiet" to="/sign-in/renewal">
              {t('renew.title')}
            </ButtonLink>
          </nav>
        )}
        {cloud && (
          <div className="flex flex-wrap gap-3">
            <ButtonLink look="plain" to="/register">
              {t('register.open')}
            </ButtonLink>
            <ButtonLink look="quiet" to="/forgot">
              {t('forgot.link')}
            </ButtonLink>
          </div>
        )}
        <ButtonLink look="quiet" to="/erasure">
          {t('personal.receipt')}
        </ButtonLink>
      </Page>
    </div>
  );
}

const codeOf = (error: unknown) => (error instanceof Problem ? error.code : '');
