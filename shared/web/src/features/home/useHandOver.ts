import { useMutation } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { outbox, service } from '../../api';
import { takeOver, useMe } from '../identity/session';

/** Opens a child's own session on this phone, after what the person before her did was sent as far as it can be. */
export function useHandOver() {
  const me = useMe();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: async (child: string) => {
      await outbox.flush(me.id).catch(() => undefined);
      await takeOver(await service.post('/home/children/{child}/session', { path: { child } }));
      navigate('/');
    },
  });
}
