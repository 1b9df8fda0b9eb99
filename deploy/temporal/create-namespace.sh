#!/bin/sh
# One-shot job: waits until Temporal serves and makes the namespace TEMPORAL_NAMESPACE on TEMPORAL_ADDRESS if it is not
# there. Finished changes stay visible in Temporal for RETENTION; Groundswell's own trail keeps them for good.
set -eu

attempts=30
until temporal operator cluster health >/dev/null 2>&1; do
    attempts=$((attempts - 1))
    if [ "$attempts" -eq 0 ]; then
        echo "Temporal at $TEMPORAL_ADDRESS did not become healthy. Look at: docker compose logs temporal" >&2
        exit 1
    fi
    sleep 2
done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    echo "Namespace $TEMPORAL_NAMESPACE exists."
else
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi
