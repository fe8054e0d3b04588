import type { Config } from 'tailwindcss';

// Every colour is a token of src/app/tokens.css, so light and dark differ in one place.
const token = (name: string) => `rgb(var(--${name}) / <alpha-value>)`;

export default {
  content: ['./index.html', './src/**/*.{ts,tsx}'],
  theme: {
    colors: {
      transparent: 'transparent',
      current: 'currentColor',
      white: '#ffffff',
      paper: token('paper'),
      surface: token('surface'),
      raised: token('raised'),
      ink: token('ink'),
      muted: token('muted'),
      line: token('line'),
      edge: token('edge'),
      brand: token('brand'),
      'brand-deep': token('brand-deep'),
      'brand-soft': token('brand-soft'),
      'on-brand': token('on-brand'),
      'on-deep': token('on-deep'),
      sun: token('sun'),
      'sun-soft': token('sun-soft'),
      'sun-ink': token('sun-ink'),
      good: token('good'),
      'good-soft': token('good-soft'),
      bad: token('bad'),
      'bad-soft': token('bad-soft'),
    },
    extend: {
      fontFamily: {
        sans: ['system-ui', '-apple-system', 'Segoe UI', 'Roboto', 'Noto Sans', 'Ubuntu', 'sans-serif'],
      },
      borderRadius: { card: '1.25rem' },
      boxShadow: { card: '0 1px 2px rgb(var(--shade) / 0.06), 0 6px 20px rgb(var(--shade) / 0.06)' },
      minHeight: { tap: '44px', child: '48px' },
      minWidth: { tap: '44px', child: '48px' },
    },
  },
  plugins: [],
} satisfies Config;
