import { PICTURES, type PictureName } from '../door/Picture';

/**
 * A picture for each child of a family, all different, and the same tomorrow: by it a child who does
 * not read yet finds herself. It is no secret and has nothing to do with the pictures of a sign-in.
 */
export function picturesOf(children: { id: string }[]): Map<string, PictureName> {
  const given = new Map<string, PictureName>();
  const taken = new Set<number>();
  for (const { id } of [...children].sort((a, b) => a.id.localeCompare(b.id))) {
    let at = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % PICTURES.length;
    while (taken.has(at) && taken.size < PICTURES.length) at = (at + 1) % PICTURES.length;
    taken.add(at);
    given.set(id, PICTURES[at] as PictureName);
  }
  return given;
}

/** What a family calls a child. */
export const firstName = (name: string) => name.split(' ')[0] ?? name;
