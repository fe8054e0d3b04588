import { useMutation } from '@tanstack/react-query';
import { LockKeyhole } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { outbox, service } from '../../api';
import { Problem } from '../../api/problem';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { CodeField } from '../identity/SecondFactor';
import { takeOver, useMe } from '../identity/session';

const needsCode = (error: unknown) => error instanceof Problem && error.code === 'second_factor';

/** The phone back to its owner: her password, and the code of her second factor where she has one. */
export function BackToParent({ name }: { name: string }) {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [asksCode, setAsksCode] = useState(false);
  const back = useMutation({
    mutationFn: async () => {
      await outbox.flush(me.id).catch(() => undefined);
      await takeOver(await service.post('/home/return', { body: { password, ...(asksCode && { code }) } }));
      navigate('/');
    },
    onError: (error) => {
      if (needsCode(error)) setAsksCode(true);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!back.isPending) back.mutate();
  };
  return (
    <Card>
      <details>
        <summary className="flex min-h-child cursor-pointer items-center gap-2 font-medium">
          <LockKeyhole aria-hidden="true" className="size-5 shrink-0" />
          {t('family.back', { name })}
        </summary>
        <form onSubmit={submit} className="mt-3 space-y-4">
          <TextField
            label={t('family.password', { name })}
            type="password"
            name="password"
            autoComplete="off"
            required
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
          {asksCode && <CodeField code={code} onChange={setCode} />}
          {back.error && !needsCode(back.error) && <Failure error={back.error} />}
          <Button type="submit" disabled={back.isPending}>
            {back.isPending ? t('action.busy') : t('family.back', { name })}
          </Button>
        </form>
      </details>
    </Card>
  );
}
