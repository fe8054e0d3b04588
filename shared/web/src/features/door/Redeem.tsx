import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { day } from '../../i18n/format';
import { Back } from '../../ui/Back';
import { Button, ButtonLink } from '../../ui/Button';
import { Card, Page } from '../../ui/Card';
import { SelectField, TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

const CODE = { autoComplete: 'off', autoCapitalize: 'characters', spellCheck: false, maxLength: 40 } as const;

interface SheetProps {
  title: string;
  lead: string;
  pending: boolean;
  error: unknown;
  done?: ReactNode;
  submit: string;
  onSubmit: () => void;
  children: ReactNode;
}

/** The frame of the three forms that take a code. */
function Form({ title, lead, pending, error, done, submit, onSubmit, children }: SheetProps) {
  const { t } = useTranslation();
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!pending) onSubmit();
  };
  return (
    <div className="mx-auto max-w-md">
      <Page title={title} lead={lead} above={<Back to="/sign-in/password">{t('signin.teacher')}</Back>}>
        {done ? (
          <Notice kind="good" live>
            {done}
            <ButtonLink to="/sign-in/password">{t('signin.teacher')}</ButtonLink>
          </Notice>
        ) : (
          <Card>
            <form onSubmit={send} className="space-y-4">
              {children}
              {error ? <Failure error={error} /> : null}
              <Button type="submit" wide disabled={pending}>
                {submit}
              </Button>
            </form>
          </Card>
        )}
      </Page>
    </div>
  );
}

interface Who {
  email: string;
  password: string;
}

function WhoFields({ who, onChange }: { who: Who; onChange: (who: Who) => void }) {
  const { t } = useTranslation();
  return (
    <>
      <TextField
        label={t('signin.email')}
        type="email"
        name="email"
        autoComplete="username"
        required
        value={who.email}
        onChange={(e) => onChange({ ...who, email: e.target.value })}
      />
      <TextField
        label={t('redeem.new_password')}
        hint={t('redeem.password_hint')}
        type="password"
        name="new-password"
        autoComplete="new-password"
        required
        value={who.password}
        onChange={(e) => onChange({ ...who, password: e.target.value })}
      />
    </>
  );
}

const NOBODY: Who = { email: '', password: '' };

/** At the box: a teacher sets her password with the one-time code of the cloud. */
export function SetSchoolPassword() {
  const { t } = useTranslation();
  const [who, setWho] = useState(NOBODY);
  const [code, setCode] = useState('');
  const set = useMutation({
    mutationFn: () => service.post('/auth/school-password', { body: { ...who, code }, anonymous: true }),
  });
  return (
    <Form
      title={t('redeem.title')}
      lead={t('redeem.lead')}
      pending={set.isPending}
      error={set.error}
      done={set.isSuccess && t('redeem.done')}
      submit={t('redeem.submit')}
      onSubmit={() => set.mutate()}
    >
      <TextField
        label={t('redeem.code')}
        required
        {...CODE}
        value={code}
        onChange={(e) => setCode(e.target.value)}
      />
      <WhoFields who={who} onChange={setWho} />
    </Form>
  );
}

type Help = 'own' | 'sheet' | 'admin';

/** At the box, without the internet: a forgotten password, with codes on paper. */
export function Recover() {
  const { t } = useTranslation();
  const [who, setWho] = useState(NOBODY);
  const [admin, setAdmin] = useState(NOBODY);
  const [codes, setCodes] = useState(['', '']);
  const [help, setHelp] = useState<Help>('own');
  const recover = useMutation({
    mutationFn: () =>
      service.post('/auth/recovery', {
        body: {
          ...who,
          codes: help === 'sheet' ? codes : codes.slice(0, 1),
          ...(help === 'admin' ? { admin_email: admin.email, admin_password: admin.password } : {}),
        },
        anonymous: true,
      }),
  });
  return (
    <Form
      title={t('recover.title')}
      lead={t('recover.lead')}
      pending={recover.isPending}
      error={recover.error}
      done={recover.isSuccess && t('redeem.done')}
      submit={t('redeem.submit')}
      onSubmit={() => recover.mutate()}
    >
      <SelectField label={t('recover.who')} value={help} onChange={(e) => setHelp(e.target.value as Help)}>
        <option value="own">{t('recover.own')}</option>
        <option value="sheet">{t('recover.sheet')}</option>
        <option value="admin">{t('recover.admin')}</option>
      </SelectField>
      <WhoFields who={who} onChange={setWho} />
      <TextField
        label={t('recover.code')}
        required
        {...CODE}
        value={codes[0]}
        onChange={(e) => setCodes([e.target.value, codes[1] ?? ''])}
      />
      {help === 'sheet' && (
        <TextField
          label={t('recover.second_code')}
          required
          {...CODE}
          value={codes[1]}
          onChange={(e) => setCodes([codes[0] ?? '', e.target.value])}
        />
      )}
      {help === 'admin' && (
        <fieldset className="space-y-4 rounded-2xl border border-line p-3">
          <legend className="px-1 font-medium">{t('recover.admin_legend')}</legend>
          <TextField
            label={t('recover.admin_email')}
            type="email"
            autoComplete="off"
            required
            value={admin.email}
            onChange={(e) => setAdmin({ ...admin, email: e.target.value })}
          />
          <TextField
            label={t('signin.school_password')}
            type="password"
            autoComplete="off"
            required
            value={admin.password}
            onChange={(e) => setAdmin({ ...admin, password: e.target.value })}
          />
        </fieldset>
      )}
    </Form>
  );
}

/** At the box: the head lets the school go on without the cloud. */
export function Renew() {
  const { t, i18n } = useTranslation();
  const [code, setCode] = useState('');
  const renew = useMutation({
    mutationFn: () => service.post('/auth/renewal', { body: { code }, anonymous: true }),
  });
  const until = renew.data?.teachers_until;
  return (
    <Form
      title={t('renew.title')}
      lead={t('renew.lead')}
      pending={renew.isPending}
      error={renew.error}
      done={renew.isSuccess && t('renew.done', { date: until ? day(until, i18n.language) : '' })}
      submit={t('renew.submit')}
      onSubmit={() => renew.mutate()}
    >
      <TextField
        label={t('renew.code')}
        required
        {...CODE}
        value={code}
        onChange={(e) => setCode(e.target.value)}
      />
    </Form>
  );
}
