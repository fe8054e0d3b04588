/** The grades of the curriculum as they are on the wire. */
export const GRADES: readonly string[] = [
  'PP1',
  'PP2',
  ...Array.from({ length: 12 }, (_, i) => `Grade ${i + 1}`),
];
