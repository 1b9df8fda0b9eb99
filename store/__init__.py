"""Tables, sessions and the read model."""
