"""Zeropoints, and what they rest on."""
