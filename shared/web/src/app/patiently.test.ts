import { useConnection } from '../offline/connection';
import { patiently } from './patiently';

const soon = () => new Promise((done) => setTimeout(done, 20));

describe('loading a page', () => {
  beforeEach(() => sessionStorage.clear());

  it('waits for the server to come back, without a reload', async () => {
    const reload = vi.fn();
    useConnection.setState({ reachable: true });
    let tries = 0;
    const load = async () => {
      tries += 1;
      if (tries === 1) throw new TypeError('Failed to fetch dynamically imported module');
      return 'page';
    };
    const loaded = patiently(load, { answers: async () => false, reload });
    await soon();
    expect(useConnection.getState().reachable).toBe(false);
    expect(tries).toBe(1);

    useConnection.setState({ reachable: true });
    expect(await loaded).toBe('page');
    expect(reload).not.toHaveBeenCalled();
  });

  it('loads the new app when the server no longer has the part, but not over and over', async () => {
    const reload = vi.fn();
    const gone = () => Promise.reject(new Error('404'));
    const around = { answers: async () => true, reload };
    void patiently(gone, around);
    await soon();
    expect(reload).toHaveBeenCalledOnce();
    await expect(patiently(gone, around)).rejects.toThrow('404');
    expect(reload).toHaveBeenCalledOnce();
  });
});
