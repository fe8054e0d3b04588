import { QueryClient } from '@tanstack/react-query';
import { Problem } from './problem';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // navigator.onLine knows nothing about a box on the LAN: always try.
      networkMode: 'always',
      retry: (count, error) => count < 1 && error instanceof Problem && error.passing,
    },
    mutations: { networkMode: 'always', retry: false },
  },
});
