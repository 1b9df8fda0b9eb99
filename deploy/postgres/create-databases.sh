#!/bin/sh
# Runs once, when the PostgreSQL volume is new: roles for Groundswell and for Temporal, none a superuser.
# The programs sign in as groundswell, which may add to the ledger and read it; groundswell_migrator makes the tables and
# may change them (docs/ledger.md). Temporal makes its own two databases (deploy/temporal/create-schema.sh) and may
# therefore create databases.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv groundswell_password GROUNDSWELL_DATABASE_PASSWORD
\getenv migrator_password GROUNDSWELL_MIGRATOR_PASSWORD
\getenv temporal_password TEMPORAL_DATABASE_PASSWORD
CREATE ROLE groundswell_owner NOLOGIN;
CREATE ROLE groundswell_app NOLOGIN;
CREATE ROLE groundswell_migrator LOGIN PASSWORD :'migrator_password' IN ROLE groundswell_owner;
CREATE ROLE groundswell LOGIN PASSWORD :'groundswell_password' IN ROLE groundswell_app;
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal_password';
CREATE DATABASE groundswell OWNER groundswell_migrator;
REVOKE CONNECT ON DATABASE groundswell FROM PUBLIC;
GRANT CONNECT ON DATABASE groundswell TO groundswell;
SQL
