import { Printer } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Button } from './Button';
import { Notice } from './Notice';

interface PrintBarProps {
  /** That what stands below is shown now and never again. */
  once: string;
  onDone: () => void;
}

/** Above a sheet that is shown once: print it, then be done. Not on the paper itself. */
export function PrintBar({ once, onDone }: PrintBarProps) {
  const { t } = useTranslation();
  return (
    <div className="space-y-3 print:hidden">
      <Notice kind="waiting" live>
        {once}
      </Notice>
      <div className="flex flex-wrap gap-3">
        <Button onClick={() => window.print()}>
          <Printer aria-hidden="true" className="size-5" />
          {t('cards.print')}
        </Button>
        <Button look="plain" onClick={onDone}>
          {t('cards.done')}
        </Button>
      </div>
    </div>
  );
}
