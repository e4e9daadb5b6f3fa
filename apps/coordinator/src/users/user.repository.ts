import { Inject, Injectable } from '@nestjs/common';
import { type Database, type Prisma, RecordSeals, sealRows, type Tx } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

export interface NewUser {
  id: string;
  name: string;
  email: string;
  passwordHash: string;
  createdBy: string;
}

const SHOWN = { id: true, name: true, email: true, farmRoles: true, createdAt: true, disabledAt: true } as const;
type UserRow = Prisma.UserGetPayload<{ select: typeof SHOWN }>;

@Injectable()
export class UserRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
  ) {}

  get(id: string): Promise<UserRow> {
    return this.database.prisma.user.findUniqueOrThrow({ where: { id }, select: SHOWN });
  }

  list(actor: Actor, page: PageQuery): Promise<UserRow[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'User');
    return this.database.prisma.user.findMany({ where: { AND: [mine, where] }, select: SHOWN, ...rest });
  }

  async create(tx: Tx, user: NewUser): Promise<void> {
    await tx.prisma.user.create({ data: user, select: { id: true } });
    await sealRows(tx, this.seals, 'users', [user.id]);
  }

  find(tx: Tx, id: string): Promise<UserRow> {
    return tx.prisma.user.findUniqueOrThrow({ where: { id }, select: SHOWN });
  }
}
