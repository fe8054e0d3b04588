import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { startTheme } from './app/theme';
import './app/tokens.css';
import { startI18n } from './i18n';

// After an update an old page may ask for a part that no longer exists: load the new page, once.
window.addEventListener('vite:preloadError', () => {
  const last = Number(sessionStorage.getItem('uhs.reloaded') ?? 0);
  if (Date.now() - last < 30_000) return;
  sessionStorage.setItem('uhs.reloaded', String(Date.now()));
  window.location.reload();
});

async function start(): Promise<void> {
  startTheme();
  await startI18n();
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html has no #root');
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

void start();
