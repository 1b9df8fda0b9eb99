"""What touches the world: look up, record, notify."""
