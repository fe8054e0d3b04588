import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { service } from '../../api';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { TextField } from '../../ui/Field';
import { Failure } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';

/** A parent types the code of the slip her child brought from school; one slip for each child. */
export function AddChild() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [code, setCode] = useState('');
  const add = useMutation({
    mutationFn: () => service.post('/parent/children', { body: { code } }),
    onSuccess: async () => {
      setCode('');
      await Promise.all(
        ['children', 'family'].map((list) => queries.invalidateQueries({ queryKey: [list] })),
      );
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!add.isPending) add.mutate();
  };
  return (
    <Card className="space-y-3">
      <h2 className="text-lg">{t('family.add')}</h2>
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label={t('family.code')}
          hint={t('family.code_hint')}
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          required
          maxLength={30}
          value={code}
          onChange={(e) => setCode(e.target.value)}
        />
        {add.error && <Failure error={add.error} />}
        {add.data && (
          <Notice kind="good" live>
            {t('family.added', { name: add.data.full_name })}
          </Notice>
        )}
        <Button type="submit" disabled={add.isPending}>
          {t('family.add')}
        </Button>
      </form>
    </Card>
  );
}
