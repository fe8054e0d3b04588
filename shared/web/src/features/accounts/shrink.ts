/** The shorter side of a person's picture, in pixels. */
const SIDE = 512;

/** That of the photo of a page: handwriting on A4 is still read. */
export const PAGE = 1200;

/**
 * A picture whose shorter side is no longer than side: small enough for a phone's line, turned upright as the camera held it. What this
 * device cannot read goes as it is: the server decides.
 */
export async function shrink(file: Blob, side = SIDE): Promise<Blob> {
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, side / Math.min(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const small = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.9));
    return small ?? file;
  } catch {
    return file;
  }
}
