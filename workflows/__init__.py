"""Temporal workflows: thin shells around the rules in changes."""
