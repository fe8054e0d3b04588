/** The mark: the sun rising over an open book. */
export function Logo({ className = 'size-9' }: { className?: string }) {
  return (
    <svg viewBox="0 0 48 48" className={className} aria-hidden="true">
      <rect width="48" height="48" rx="12" fill="#0b5b4f" />
      <circle cx="24" cy="21" r="8.5" fill="#f7bd2b" />
      <path
        d="M24 5.500v4M12.600 9.600l2.600 3.100M35.400 9.600l-2.600 3.100M6.800 19.600l4 .800M41.200 19.600l-4 .800"
        stroke="#f7bd2b"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
      <path
        d="M24 29.500c-4.400-3.700-9.600-4.600-15.500-4.200v12.900c5.900-.4 11.100.5 15.500 4.200 4.400-3.700 9.600-4.600 15.500-4.200V25.300c-5.900-.4-11.100.5-15.500 4.200z"
        fill="#fffaf0"
      />
      <path d="M24 29.500v12.900" stroke="#0b5b4f" strokeWidth="2" />
    </svg>
  );
}

/** A woven band of triangles, after the mats and kangas of the coast; decoration only. */
export function Band({ className = '' }: { className?: string }) {
  return (
    <svg aria-hidden="true" className={`block h-2.5 w-full ${className}`}>
      <defs>
        <pattern id="band" width="20" height="10" patternUnits="userSpaceOnUse">
          <path d="M0 10 10 0l10 10z" className="fill-sun" />
          <path d="M6.500 10 10 6.500l3.500 3.500z" className="fill-brand-deep" />
        </pattern>
      </defs>
      <rect width="100%" height="10" fill="url(#band)" />
    </svg>
  );
}
