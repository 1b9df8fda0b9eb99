#!/bin/sh
# One-shot job: makes Temporal's two databases and brings their schema to the version of this image. Safe to repeat:
# what exists is left alone and only missing versions are applied, so an upgrade is a new image tag and this job again.
# Where and as whom to connect comes from SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

prepare() {
    database=$1
    schema=$2
    temporal-sql-tool --db "$database" create
    temporal-sql-tool --db "$database" setup-schema -v 0.0
    temporal-sql-tool --db "$database" update-schema --schema-name "$schema"
}

prepare temporal postgresql/v12/temporal
prepare temporal_visibility postgresql/v12/visibility
