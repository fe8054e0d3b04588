import { GraduationCap } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/Button';
import { Failure } from '../../ui/Loaded';
import { firstName } from './pictures';
import { useHandOver } from './useHandOver';

/** Hands this phone to a child: she learns here with the record she has at school. */
export function LearnAs({ child, name }: { child: string; name: string }) {
  const { t } = useTranslation();
  const open = useHandOver();
  return (
    <div className="space-y-2">
      <Button look="sun" wide disabled={open.isPending} onClick={() => open.mutate(child)}>
        <GraduationCap aria-hidden="true" className="size-5" />
        {t('family.learn_as', { name: firstName(name) })}
      </Button>
      {open.error && <Failure error={open.error} />}
    </div>
  );
}
