"""What every Temporal client, worker, replayer and test shares."""
