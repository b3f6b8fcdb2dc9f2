"""Targets: where each is expected, which source it is, and how bright it is at most where none is seen."""
