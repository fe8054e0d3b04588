import type { TFunction } from 'i18next';

/** One refused request, as the service described it, or a request that never reached it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** The names of the fields the service found invalid. */
  readonly fields: string[];

  constructor(status: number, body: Partial<ProblemBody> = {}) {
    super(body.detail ?? body.title ?? `status ${status}`);
    this.name = 'Problem';
    this.status = status;
    this.code = body.code ?? '';
    this.requestId = body.request_id ?? '';
    this.fields = (body.errors ?? []).map((e) => e.loc?.at(-1) ?? '').filter(Boolean);
  }

  /** True when no answer came: the box or the cloud cannot be reached from this device. */
  get unreachable(): boolean {
    return this.status === 0;
  }

  /** True when sending the same request again later can succeed. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

interface ProblemBody {
  title: string;
  detail: string;
  code: string;
  request_id: string;
  errors: { loc?: string[]; msg?: string }[];
}

/** Reads an error answer; a body that is no problem document still gives its status. */
export async function readProblem(answer: Response): Promise<Problem> {
  const fallbackId = answer.headers.get('X-Request-Id') ?? '';
  try {
    const body = (await answer.json()) as Partial<ProblemBody>;
    return new Problem(answer.status, { ...body, request_id: body.request_id || fallbackId });
  } catch {
    return new Problem(answer.status, { request_id: fallbackId });
  }
}

/** The sentence for a person: by the stable code, else by the status, never the raw English detail. */
export function explain(error: unknown, t: TFunction): string {
  if (!(error instanceof Problem)) return t('error.unexpected');
  const keys = [`error.code.${error.code}`, `error.status.${error.status}`, 'error.unexpected'];
  if (!error.code) keys.shift();
  return t(keys);
}
