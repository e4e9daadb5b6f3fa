import { Navigate } from '@tanstack/react-router';
import { useSession } from '../session/session.js';

/** Where somebody begins: performers at their own consents, everybody else at the shots. */
export function Home() {
  const { ability } = useSession();
  return <Navigate to={ability.can('read', 'Portal') ? '/portal' : '/shots'} replace />;
}
