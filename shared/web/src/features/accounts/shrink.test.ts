import { sendPhoto } from '../identity/consent';
import { shrink } from './shrink';

/** A device that reads every picture as one of this size, and says what it drew. */
function device(width: number, height: number) {
  const drawn: number[][] = [];
  vi.stubGlobal('createImageBitmap', async () => ({ width, height }));
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue({
    drawImage: (_: unknown, ...place: number[]) => drawn.push(place),
  } as never);
  vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation((done) => done(new Blob(['small'])));
  return drawn;
}

describe('a picture that is sent', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
  const photo = new File(['a large photo'], 'form.jpg', { type: 'image/jpeg' });

  it('is made as small as is needed, and never larger', async () => {
    const drawn = device(4000, 3000);
    await shrink(photo);
    await shrink(photo, 1200);
    device(400, 300);
    expect(drawn).toEqual([
      [0, 0, 683, 512],
      [0, 0, 1600, 1200],
    ]);
    const small = device(400, 300);
    await shrink(photo);
    expect(small).toEqual([[0, 0, 400, 300]]);
  });

  it('goes as it is when the device cannot read it', async () => {
    vi.stubGlobal('createImageBitmap', () => Promise.reject(new Error('not a picture')));
    expect(await shrink(photo)).toBe(photo);
  });

  it('of a signed form leaves the phone small', async () => {
    const drawn = device(8000, 6000);
    let sent: BodyInit | null | undefined;
    vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      sent = init.body;
      return new Response('{"photo":"ab12"}', { status: 201 });
    });
    expect(await sendPhoto('l1', photo)).toBe('ab12');
    expect(drawn).toEqual([[0, 0, 1600, 1200]]);
    expect(sent).toBeInstanceOf(Blob);
    expect(sent).not.toBe(photo);
  });
});
