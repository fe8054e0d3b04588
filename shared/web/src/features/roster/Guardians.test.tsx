import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import i18next from 'i18next';
import { queryClient } from '../../api/query';
import sw from '../../i18n/sw.json';
import { Guardians } from './Guardians';
import type { Place } from './place';

const guardian = (id: string, relationship: string) => ({
  id,
  name: `Adult ${id}`,
  relationship,
  phone_number: '+254700000001',
});

const facts = (words: string) => screen.findByText(`${words} · +254700000001`);

describe('what a guardian is to the learner', () => {
  beforeEach(() => {
    queryClient.clear();
    vi.stubGlobal(
      'fetch',
      async () =>
        new Response(
          JSON.stringify({
            guardians: [guardian('a', 'parent'), guardian('b', 'Guardian'), guardian('c', 'neighbour')],
          }),
        ),
    );
  });
  afterEach(async () => {
    cleanup();
    vi.unstubAllGlobals();
    await i18next.changeLanguage('en');
  });

  const show = () =>
    render(
      <QueryClientProvider client={queryClient}>
        <Guardians place={{ school: 's', manages: false } as Place} learner="l" />
      </QueryClientProvider>,
    );

  it('is said in words, and as it was typed where there are none', async () => {
    show();
    expect(await facts('Parent')).toBeVisible();
    expect(await facts('Guardian')).toBeVisible();
    expect(await facts('neighbour')).toBeVisible();
  });

  it('is said in Kiswahili', async () => {
    i18next.addResourceBundle('sw', 'translation', sw);
    await i18next.changeLanguage('sw');
    show();
    expect(await facts('Mzazi')).toBeVisible();
    expect(await facts('Mlezi')).toBeVisible();
    expect(await facts('neighbour')).toBeVisible();
  });
});
