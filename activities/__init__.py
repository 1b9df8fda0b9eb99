"""What touches the world: looking up authority, recording decisions, sending notices. Thin, and safe to run twice."""
