import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type InputHTMLAttributes, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/Button';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

interface NewSecretProps {
  /** What the button that opens the form says to everybody, and to a reader of screens. */
  open: string;
  openFor: string;
  label: string;
  hint: string;
  input: InputHTMLAttributes<HTMLInputElement>;
  save: (secret: string) => Promise<unknown>;
  /** The list that shows whether there is a secret. */
  list: string;
}

/** A button that opens a field for a new PIN or password of somebody who forgot the old one. */
export function NewSecret({ open, openFor, label, hint, input, save, list }: NewSecretProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [shown, setShown] = useState(false);
  const [secret, setSecret] = useState('');
  const put = useMutation({
    mutationFn: () => save(secret),
    onSuccess: () => {
      setShown(false);
      setSecret('');
      return queries.invalidateQueries({ queryKey: [list] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!put.isPending) put.mutate();
  };
  if (!shown) {
    return (
      <>
        <Button
          look="plain"
          aria-label={openFor}
          onClick={() => {
            put.reset();
            setShown(true);
          }}
        >
          {open}
        </Button>
        {put.isSuccess && (
          <Notice kind="good" live>
            {t('school.added')}
          </Notice>
        )}
      </>
    );
  }
  return (
    <form onSubmit={submit} className="w-full space-y-3">
      <TextField
        label={label}
        hint={hint}
        required
        autoFocus
        value={secret}
        onChange={(e) => setSecret(e.target.value)}
        {...input}
      />
      {put.error && <Failure error={put.error} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" disabled={put.isPending}>
          {t('school.save')}
        </Button>
        <Button look="quiet" onClick={() => setShown(false)}>
          {t('school.cancel')}
        </Button>
      </div>
    </form>
  );
}
