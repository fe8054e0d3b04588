import i18next from 'i18next';
import { Component, type ReactNode } from 'react';
import { Button } from '../ui/Button';
import { Logo } from '../ui/Logo';

/** The last resort when a page fails to draw: an honest page with a way on, never a white screen. */
export class Broken extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="mx-auto flex min-h-screen max-w-md flex-col items-center justify-center gap-4 p-6 text-center">
        <Logo className="size-16" />
        <h1 className="text-2xl">{i18next.t('broken.title')}</h1>
        <p className="text-muted">{i18next.t('broken.text')}</p>
        <Button onClick={() => window.location.assign('/')}>{i18next.t('broken.again')}</Button>
      </main>
    );
  }
}
