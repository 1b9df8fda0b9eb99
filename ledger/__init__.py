"""The tamper-evident trail: canonical records, Merkle log, checkpoints, proofs, verifiers. Pure; store/ keeps rows."""
