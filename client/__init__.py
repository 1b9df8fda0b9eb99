"""Asking Groundswell over HTTP, as any program would: for the command line, the story and the tour."""
