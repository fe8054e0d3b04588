import { Eye, EyeOff } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/Button';
import { TextField } from '../../ui/Field';

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** A password that is chosen now, with the rule beside it. */
  chosen?: boolean;
}

/** A password that can be looked at while it is typed. */
export function PasswordField({ label, value, onChange, chosen }: Props) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  return (
    <div className="space-y-1.5">
      <TextField
        label={label}
        hint={chosen ? t('password.rule') : undefined}
        type={shown ? 'text' : 'password'}
        autoComplete={chosen ? 'new-password' : 'current-password'}
        required
        maxLength={100}
        value={value}
        onChange={(e) => onChange(e.target.value)}
      />
      <Button look="quiet" aria-pressed={shown} onClick={() => setShown(!shown)}>
        {shown ? (
          <EyeOff aria-hidden="true" className="size-5" />
        ) : (
          <Eye aria-hidden="true" className="size-5" />
        )}
        {shown ? t('signin.hide') : t('signin.show')}
      </Button>
    </div>
  );
}
