// What is known to lose no data: kinds of statements, kinds of ALTER TABLE, functions of PostgreSQL. Whatever is in none of
// these lists may lose something that nobody can count, and is asked about; a statement of a later PostgreSQL is in none.
// Left out on purpose: COPY (may run a program), LOAD, subscriptions, DROP OWNED and DROP DATABASE, an extension's own
// scripts, ALTER TABLE SET UNLOGGED (a crash empties the table). Data only; called by drops.ts and loss-counter.ts.

/** What stands in them is stored for later, not run. */
export const STORED: ReadonlySet<string> = new Set([
  ...['CreateStmt', 'CreateForeignTableStmt', 'CreateDomainStmt', 'CreateSchemaStmt', 'CreateSeqStmt', 'ViewStmt'],
  ...['CreateFunctionStmt', 'CreateTrigStmt', 'CreateEventTrigStmt', 'AlterEventTrigStmt', 'RuleStmt', 'PrepareStmt'],
  ...['CreatePolicyStmt', 'AlterPolicyStmt', 'CreateStatsStmt', 'AlterStatsStmt'],
]);

/** What they call is run. */
export const HARMLESS: ReadonlySet<string> = new Set([
  ...[
    'SelectStmt',
    'CreateTableAsStmt',
    'DeclareCursorStmt',
    'FetchStmt',
    'ClosePortalStmt',
    'ExplainStmt',
    'IndexStmt',
  ],
  ...['CreateEnumStmt', 'CreateRangeStmt', 'CompositeTypeStmt', 'DefineStmt', 'CreateCastStmt', 'CreateConversionStmt'],
  ...['CreateOpClassStmt', 'CreateOpFamilyStmt', 'AlterOpFamilyStmt', 'CreateTransformStmt', 'CreatePLangStmt'],
  ...['CreateAmStmt', 'CreateExtensionStmt', 'CreateFdwStmt', 'CreateForeignServerStmt', 'CreateUserMappingStmt'],
  ...['ImportForeignSchemaStmt', 'CreatePublicationStmt', 'CreateRoleStmt', 'CreatedbStmt', 'CreateTableSpaceStmt'],
  ...['RenameStmt', 'AlterObjectSchemaStmt', 'AlterObjectDependsStmt', 'AlterOwnerStmt', 'AlterDomainStmt'],
  ...['AlterOperatorStmt', 'AlterTypeStmt', 'AlterEnumStmt', 'AlterFunctionStmt', 'AlterCollationStmt'],
  ...['AlterRoleStmt', 'AlterRoleSetStmt', 'AlterDatabaseStmt', 'AlterDatabaseSetStmt', 'AlterDatabaseRefreshCollStmt'],
  ...['AlterDefaultPrivilegesStmt', 'AlterFdwStmt', 'AlterForeignServerStmt', 'AlterUserMappingStmt'],
  ...['AlterTSConfigurationStmt', 'AlterTSDictionaryStmt', 'AlterTableSpaceOptionsStmt', 'AlterTableMoveAllStmt'],
  ...['AlterPublicationStmt', 'AlterSystemStmt', 'GrantStmt', 'GrantRoleStmt', 'ReassignOwnedStmt', 'DropRoleStmt'],
  ...['DropUserMappingStmt', 'DropTableSpaceStmt', 'CommentStmt', 'SecLabelStmt', 'LockStmt', 'VacuumStmt'],
  ...['ClusterStmt', 'ReindexStmt', 'CheckPointStmt', 'NotifyStmt', 'ListenStmt', 'UnlistenStmt', 'DeallocateStmt'],
  ...['ConstraintsSetStmt', 'VariableSetStmt', 'VariableShowStmt', 'TransactionStmt'],
]);

/** Their expressions are stored for later, not run. */
export const STORED_ALTERATIONS: ReadonlySet<string> = new Set(['AT_ColumnDefault', 'AT_CookedColumnDefault']);

/** Subtypes of ALTER TABLE, INDEX, VIEW, SEQUENCE and the like that leave every value where it is. */
export const HARMLESS_ALTERATIONS: ReadonlySet<string> = new Set([
  ...STORED_ALTERATIONS,
  ...['AT_AddColumn', 'AT_DropNotNull', 'AT_SetNotNull', 'AT_SetExpression', 'AT_DropExpression', 'AT_CheckNotNull'],
  ...['AT_SetStatistics', 'AT_SetOptions', 'AT_ResetOptions', 'AT_SetStorage', 'AT_SetCompression'],
  ...['AT_AddIndex', 'AT_AddIndexConstraint', 'AT_AddConstraint', 'AT_AlterConstraint', 'AT_ValidateConstraint'],
  ...['AT_DropConstraint', 'AT_AlterColumnGenericOptions', 'AT_GenericOptions', 'AT_ChangeOwner', 'AT_ClusterOn'],
  ...['AT_DropCluster', 'AT_SetLogged', 'AT_DropOids', 'AT_SetAccessMethod', 'AT_SetTableSpace', 'AT_SetRelOptions'],
  ...['AT_ResetRelOptions', 'AT_ReplaceRelOptions', 'AT_EnableTrig', 'AT_EnableAlwaysTrig', 'AT_EnableReplicaTrig'],
  ...['AT_DisableTrig', 'AT_EnableTrigAll', 'AT_DisableTrigAll', 'AT_EnableTrigUser', 'AT_DisableTrigUser'],
  ...['AT_EnableRule', 'AT_EnableAlwaysRule', 'AT_EnableReplicaRule', 'AT_DisableRule', 'AT_AddInherit'],
  ...['AT_DropInherit', 'AT_AddOf', 'AT_DropOf', 'AT_ReplicaIdentity', 'AT_EnableRowSecurity'],
  ...['AT_DisableRowSecurity', 'AT_ForceRowSecurity', 'AT_NoForceRowSecurity', 'AT_AttachPartition'],
  ...['AT_DetachPartition', 'AT_DetachPartitionFinalize', 'AT_AddIdentity', 'AT_SetIdentity'],
]);

/** PostgreSQL's own volatile functions that take nothing away; the stable and immutable ones do not either. */
export const HARMLESS_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['nextval', 'currval', 'lastval', 'random', 'random_normal', 'setseed', 'gen_random_uuid', 'uuidv4', 'uuidv7'],
  ...['clock_timestamp', 'timeofday', 'pg_sleep', 'pg_sleep_for', 'pg_sleep_until', 'pg_notify'],
  ...['pg_advisory_lock', 'pg_advisory_xact_lock', 'pg_try_advisory_lock', 'pg_try_advisory_xact_lock'],
  ...['pg_relation_size', 'pg_table_size', 'pg_total_relation_size', 'pg_indexes_size', 'pg_database_size'],
]);
