"""Cameras that nobody has described yet."""
