import { z } from 'zod';
import { ConsentDecision } from '../consent.js';
import { Page } from '../ids.js';
import { Granted } from '../joining.js';
import { AskKeyDestruction, KeyDestruction } from '../key-destruction.js';
import { GrantMembership } from '../people.js';
import { ProjectCost, ProjectShare } from '../scheduling.js';
import { CreateProject, Project } from '../shots.js';
import { CreateWebhook, CreatedWebhook, Webhook, WebhookDelivery } from '../webhooks.js';
import { Done, list, OfProject, type Route } from './route.js';

/** Projects, their members and who is told of what becomes of their shots. */
export const PROJECT_ROUTES = {
  listProjects: { method: 'GET', path: '/api/v1/projects', query: Page, response: list(Project) },
  createProject: { method: 'POST', path: '/api/v1/projects', body: CreateProject, response: Project },
  grantMembership: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/memberships',
    body: GrantMembership,
    response: Granted,
  },
  setProjectShare: {
    method: 'PUT',
    path: '/api/v1/projects/:projectId/share',
    body: ProjectShare,
    response: ProjectShare,
  },
  getProjectCost: { method: 'GET', path: '/api/v1/projects/:projectId/cost', response: ProjectCost },
  /** Those that wait for a second person, and those that were approved. */
  listKeyDestructions: {
    method: 'GET',
    path: '/api/v1/key-destructions',
    query: OfProject,
    response: list(KeyDestruction),
  },
  askKeyDestruction: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/key-destructions',
    body: AskKeyDestruction,
    response: KeyDestruction,
  },
  /** By another person than who asked: the key is gone when this answers, and nothing brings it back. */
  approveKeyDestruction: {
    method: 'POST',
    path: '/api/v1/key-destructions/:keyDestructionId/approve',
    response: KeyDestruction,
  },
  declineKeyDestruction: {
    method: 'POST',
    path: '/api/v1/key-destructions/:keyDestructionId/decline',
    body: ConsentDecision,
    response: Done,
  },
  /** Who is told of what becomes of the project's shots; by ids alone. */
  createWebhook: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/webhooks',
    body: CreateWebhook,
    response: CreatedWebhook,
  },
  listWebhooks: { method: 'GET', path: '/api/v1/webhooks', query: OfProject, response: list(Webhook) },
  deleteWebhook: { method: 'DELETE', path: '/api/v1/webhooks/:webhookId', response: Done },
  /** Goes on with one that was switched off. */
  enableWebhook: { method: 'POST', path: '/api/v1/webhooks/:webhookId/enable', body: z.object({}), response: Webhook },
  /** Tells it nothing more until it is enabled again. */
  disableWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhookId/disable',
    body: z.object({}),
    response: Webhook,
  },
  pingWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhookId/ping',
    body: z.object({}),
    response: WebhookDelivery,
  },
  listWebhookDeliveries: {
    method: 'GET',
    path: '/api/v1/webhooks/:webhookId/deliveries',
    query: Page,
    response: list(WebhookDelivery),
  },
} as const satisfies Record<string, Route>;
