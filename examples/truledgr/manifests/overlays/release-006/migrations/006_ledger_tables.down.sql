DROP VIEW account_balances;
DROP TABLE entries;
DROP TABLE accounts;
