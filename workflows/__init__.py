"""Temporal workflows: thin shells around ``changes``. They hold a change for months and decide nothing themselves."""
