#!/bin/sh
# Runs once, when the PostgreSQL volume is new: one role for Groundswell, one for Temporal, neither a superuser.
# Temporal makes its own two databases (deploy/temporal/create-schema.sh) and may therefore create databases.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv groundswell_password GROUNDSWELL_DATABASE_PASSWORD
\getenv temporal_password TEMPORAL_DATABASE_PASSWORD
CREATE ROLE groundswell LOGIN PASSWORD :'groundswell_password';
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal_password';
CREATE DATABASE groundswell OWNER groundswell;
REVOKE CONNECT ON DATABASE groundswell FROM PUBLIC;
SQL
