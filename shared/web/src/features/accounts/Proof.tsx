import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../../api/problem';
import { TextField } from '../../ui/Field';
import { PasswordField } from './PasswordField';

/** What shows that it is she: her password, and the code of her second factor once the service asked for one. */
export function useProof() {
  const [password, setPassword] = useState('');
  const [factor, setFactor] = useState('');
  return {
    password,
    setPassword,
    factor,
    setFactor,
    body: { current_password: password, ...(factor && { second_factor: factor.trim() }) },
    clear: () => {
      setPassword('');
      setFactor('');
    },
  };
}

/** The fields of a proof; `error` is what the service answered last. */
export function Proof({ proof, error }: { proof: ReturnType<typeof useProof>; error: unknown }) {
  const { t } = useTranslation();
  const asked = error instanceof Problem && error.code.startsWith('second_factor');
  return (
    <>
      <PasswordField label={t('password.current')} value={proof.password} onChange={proof.setPassword} />
      {(asked || proof.factor !== '') && (
        <TextField
          label={t('factor.code')}
          hint={t('factor.code_hint')}
          autoComplete="one-time-code"
          required
          maxLength={40}
          value={proof.factor}
          onChange={(e) => proof.setFactor(e.target.value)}
        />
      )}
    </>
  );
}
