"""Telescopes as data, and what their headers say."""
