"""Marking a target by hand, in a window."""
