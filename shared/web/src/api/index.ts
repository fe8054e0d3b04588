import { noteReached, onSharedDevice } from '../offline/connection';
import { Outbox } from '../offline/outbox';
import { Client } from './client';
import { Service } from './routes';
import { SessionStore } from './session';

let onEnded: () => void = () => {};

/** Set once by the app: what happens when a session can no longer be renewed. */
export function whenSessionEnds(handler: () => void): void {
  onEnded = handler;
}

export const session = new SessionStore(onSharedDevice);
export const client = new Client(session, { reached: noteReached, ended: () => onEnded() });
/** Fetches fresh tokens, as when something about the person has changed. */
export const renewSession = () => client.renewNow();
export const service = new Service(client);
export const outbox = new Outbox(client);
