import type { ReactNode } from 'react';

/** The twelve pictures of the service, drawn here; the names are stored in secrets and never change. */
export const PICTURES = [
  'sun',
  'tree',
  'fish',
  'house',
  'star',
  'ball',
  'cup',
  'key',
  'boat',
  'drum',
  'flower',
  'book',
] as const;

export type PictureName = (typeof PICTURES)[number];

const RAYS = [0, 45, 90, 135, 180, 225, 270, 315];
const PETALS = [0, 72, 144, 216, 288];

/** Plain shapes with a dark outline: told apart by form as well as by colour, also in print. */
const DRAWN: Record<PictureName, ReactNode> = {
  sun: (
    <>
      {RAYS.map((turn) => (
        <path key={turn} d="M32 4v9" transform={`rotate(${turn} 32 32)`} />
      ))}
      <circle cx="32" cy="32" r="14" fill="#f7bd2b" />
    </>
  ),
  tree: (
    <>
      <path d="M28 40h8v18h-8z" fill="#8a5a2b" />
      <circle cx="32" cy="25" r="19" fill="#3f9b4f" />
    </>
  ),
  fish: (
    <>
      <path d="M44 32l14-12v24z" fill="#3b8ed0" />
      <ellipse cx="27" cy="32" rx="22" ry="14" fill="#6cb6e8" />
      <circle cx="15" cy="29" r="2" fill="#222" />
    </>
  ),
  house: (
    <>
      <path d="M12 30h40v28H12z" fill="#f3d9a4" />
      <path d="M4 32L32 8l28 24z" fill="#c0392b" />
      <path d="M27 42h10v16H27z" fill="#7a4a21" />
    </>
  ),
  star: <path d="M32 5l8 18 19 2-14 13 4 20-17-10-17 10 4-20L5 25l19-2z" fill="#ffd54a" />,
  ball: (
    <>
      <circle cx="32" cy="32" r="25" fill="#fff" />
      <path d="M32 20l11 8-4 13H25l-4-13z" fill="#333" />
      <path d="M32 7v13M43 28l12-5M39 41l8 12M25 41l-8 12M21 28L9 23" />
    </>
  ),
  cup: (
    <>
      <path d="M44 24h8a8 8 0 010 18h-8" fill="none" />
      <path d="M10 16h36v26a12 12 0 01-12 12H22a12 12 0 01-12-12z" fill="#e67e73" />
    </>
  ),
  key: (
    <>
      <path d="M30 28h30v8h-6v9h-8v-9H30z" fill="#d9a520" />
      <circle cx="19" cy="32" r="14" fill="#d9a520" />
      <circle cx="19" cy="32" r="5" fill="#fff" />
    </>
  ),
  boat: (
    <>
      <path d="M32 6v34" />
      <path d="M36 10l20 26H36z" fill="#fff" />
      <path d="M28 16v20H12z" fill="#f08a5d" />
      <path d="M6 42h52l-9 14H15z" fill="#8a5a2b" />
    </>
  ),
  drum: (
    <>
      <path d="M10 20v26c0 6 10 10 22 10s22-4 22-10V20" fill="#a0522d" />
      <path d="M12 26l10 26 10-24 10 24 10-26" fill="none" />
      <ellipse cx="32" cy="20" rx="22" ry="9" fill="#f5e6c8" />
    </>
  ),
  flower: (
    <>
      <path d="M32 34v26" stroke="#3f9b4f" />
      {PETALS.map((turn) => (
        <circle key={turn} cx="32" cy="13" r="9" fill="#d05fa8" transform={`rotate(${turn} 32 26)`} />
      ))}
      <circle cx="32" cy="26" r="7" fill="#f7bd2b" />
    </>
  ),
  book: (
    <>
      <path d="M32 16c-6-6-16-7-26-6v40c10-1 20 0 26 6 6-6 16-7 26-6V10c-10-1-20 0-26 6z" fill="#8e7cc3" />
      <path d="M32 16v40M13 20c5 0 9 1 13 3M13 30c5 0 9 1 13 3M51 20c-5 0-9 1-13 3M51 30c-5 0-9 1-13 3" />
    </>
  ),
};

/** A picture without words; whoever shows it says its name beside or on the button around it. */
export function Picture({ name, className = 'size-12' }: { name: PictureName; className?: string }) {
  return (
    <svg
      viewBox="0 0 64 64"
      className={className}
      fill="none"
      stroke="#2b2b2b"
      strokeWidth="3"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      data-picture={name}
    >
      {DRAWN[name]}
    </svg>
  );
}
