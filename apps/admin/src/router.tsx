import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { AccountPage } from './account/account-page.js';
import { ConsentsPage } from './consents/consents-page.js';
import { WorkersPage } from './farm/workers-page.js';
import { PortalPage } from './portal/portal-page.js';
import { PeoplePage } from './people/people-page.js';
import { ProjectsPage } from './projects/projects-page.js';
import { Home } from './shell/home.js';
import { Shell } from './shell/shell.js';
import { ShotPage } from './shots/shot-page.js';
import { ShotsPage } from './shots/shots-page.js';
import { WebhooksPage } from './webhooks/webhooks-page.js';

const root = createRootRoute({ component: Shell });
const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: Home,
});
const portal = createRoute({ getParentRoute: () => root, path: '/portal', component: PortalPage });
const shots = createRoute({ getParentRoute: () => root, path: '/shots', component: ShotsPage });
const shot = createRoute({ getParentRoute: () => root, path: '/shots/$shotId', component: ShotPage });
const consents = createRoute({ getParentRoute: () => root, path: '/consents', component: ConsentsPage });
const workers = createRoute({ getParentRoute: () => root, path: '/workers', component: WorkersPage });
const webhooks = createRoute({ getParentRoute: () => root, path: '/webhooks', component: WebhooksPage });
const projects = createRoute({ getParentRoute: () => root, path: '/projects', component: ProjectsPage });
const people = createRoute({ getParentRoute: () => root, path: '/people', component: PeoplePage });
const account = createRoute({ getParentRoute: () => root, path: '/account', component: AccountPage });

export const router = createRouter({
  routeTree: root.addChildren([home, portal, shots, shot, consents, workers, webhooks, projects, people, account]),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
