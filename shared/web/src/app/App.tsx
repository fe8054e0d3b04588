import { QueryClientProvider } from '@tanstack/react-query';
import { useEffect } from 'react';
import { BrowserRouter } from 'react-router';
import { client, outbox } from '../api';
import { queryClient } from '../api/query';
import { restoreSession, useSession, watchSession } from '../features/identity/session';
import { startHeartbeat, useConnection } from '../offline/connection';
import { Broken } from './Broken';
import { Pages } from './Pages';

watchSession();

export function App() {
  useEffect(() => {
    void restoreSession();
    // The heartbeat is also the moment to send what this device still holds.
    return startHeartbeat(client, () => {
      const { me, state } = useSession.getState();
      if (me) void outbox.flush(me.id).catch(() => undefined);
      if (state === 'unknown') void restoreSession();
    });
  }, []);

  // The server is back: what failed to load meanwhile loads now.
  const reachable = useConnection((s) => s.reachable);
  useEffect(() => {
    if (reachable) {
      void queryClient.invalidateQueries({ predicate: (query) => query.state.status === 'error' });
    }
  }, [reachable]);

  return (
    <Broken>
      <QueryClientProvider client={queryClient}>
        <BrowserRouter>
          <Pages />
        </BrowserRouter>
      </QueryClientProvider>
    </Broken>
  );
}
