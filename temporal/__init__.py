"""What every Temporal client, worker, replayer and test shares, so that they cannot drift apart."""
