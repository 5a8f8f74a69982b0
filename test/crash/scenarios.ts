// What the operator is killed in: releases of a small app, each with the state that it must end in.
import { type App, migration, type Release } from '../control/objects.ts';
import type { Side } from './proxy.ts';

export interface Scenario {
  readonly name: string;
  /** `Both`: played only when each point is tried on both sides, so that `npm test` stays short. */
  readonly played?: 'Both';
  /** Where its operator is killed at each write, when each is tried once. */
  readonly side: Side;
  /** Migrations that a person ran by hand before there was an operator: tables and no record. */
  readonly byHand?: Release['migrations'];
  /** What is installed, uncounted, before the release. */
  readonly installed?: Release;
  readonly release: Release;
  /** What the user's manifest says that comes, as a second sync wave does, once the database is at the target. */
  readonly manifest?: { readonly minVersion: string };
  /** The workload as the user wrote it; a count that runs is not that of `rollout.workloads[].replicas`, which is 2. */
  readonly app: App;
  /** The end, whoever was killed when. */
  readonly end: {
    readonly ready: string;
    readonly version: string;
    readonly replicas: number;
    readonly tables: readonly string[];
  };
}

const atFive = { ...migration('001_accounts'), ...migration('004_groups'), ...migration('005_auth') };
const withSix = { ...atFive, ...migration('006_ledger') };
const tablesAtFive = ['accounts', 'auth', 'groups', 'witness'];
const tablesAtSix = ['accounts', 'auth', 'groups', 'ledger', 'witness'];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'first-install',
    side: 'after',
    release: { migrations: atFive, strategy: 'Recreate' },
    app: { replicas: 0, minVersion: '005_auth' },
    end: { ready: 'UpToDate', version: '005_auth', replicas: 2, tables: tablesAtFive },
  },
  {
    name: 'recreate',
    side: 'before',
    installed: { migrations: atFive, strategy: 'None' },
    release: { migrations: withSix, strategy: 'Recreate' },
    app: { replicas: 3 },
    end: { ready: 'UpToDate', version: '006_ledger', replicas: 3, tables: tablesAtSix },
  },
  {
    name: 'adoption',
    side: 'after',
    byHand: atFive,
    release: { migrations: withSix, strategy: 'Rolling', baseline: '005_auth' },
    app: { replicas: 3 },
    end: { ready: 'UpToDate', version: '006_ledger', replicas: 3, tables: tablesAtSix },
  },
  {
    name: 'rolling',
    played: 'Both',
    side: 'after',
    installed: { migrations: atFive, strategy: 'None' },
    release: { migrations: { ...withSix, ...migration('007_budgets') }, strategy: 'Rolling' },
    app: { replicas: 3 },
    end: { ready: 'UpToDate', version: '007_budgets', replicas: 3, tables: [...tablesAtSix, 'budgets'].sort() },
  },
  {
    name: 'failing',
    side: 'before',
    installed: { migrations: atFive, strategy: 'None' },
    release: {
      migrations: { ...withSix, ...migration('007_budgets', 'INSERT INTO no_such_table VALUES (1);\n') },
      strategy: 'Recreate',
    },
    app: { replicas: 3 },
    end: { ready: 'MigrationFailed', version: '005_auth', replicas: 3, tables: tablesAtFive },
  },
  {
    name: 'handshake',
    played: 'Both',
    side: 'after',
    installed: { migrations: atFive, strategy: 'None' },
    release: { migrations: withSix, strategy: 'Recreate' },
    app: { kind: 'StatefulSet', replicas: 2, minVersion: '005_auth' },
    manifest: { minVersion: '006_ledger' },
    end: { ready: 'UpToDate', version: '006_ledger', replicas: 2, tables: tablesAtSix },
  },
  {
    name: 'downgrade',
    played: 'Both',
    side: 'before',
    installed: {
      migrations: { ...atFive, '006_ledger': 'CREATE TABLE ledger (id bigint PRIMARY KEY);' },
      downs: { '006_ledger': 'DROP TABLE ledger;' },
      strategy: 'None',
    },
    release: { migrations: atFive, strategy: 'Recreate' },
    app: { replicas: 3, minVersion: '005_auth' },
    end: { ready: 'UpToDate', version: '005_auth', replicas: 3, tables: tablesAtFive },
  },
];
