import type { Duty } from '../../api/types';

export const DUTIES: Duty[] = ['head', 'bursar', 'site_admin'];
