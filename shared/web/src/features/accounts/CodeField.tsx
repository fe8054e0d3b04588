import { useTranslation } from 'react-i18next';
import { TextField } from '../../ui/Field';

interface Props {
  value: string;
  onChange: (value: string) => void;
}

/** The six digits of a text message; phones offer to fill them in. */
export function CodeField({ value, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <TextField
      label={t('code.label')}
      hint={t('code.hint')}
      inputMode="numeric"
      autoComplete="one-time-code"
      pattern="[0-9]{6}"
      maxLength={6}
      required
      value={value}
      onChange={(e) => onChange(e.target.value.replace(/\D/g, ''))}
    />
  );
}
