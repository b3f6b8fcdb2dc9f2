"""Observations for others: the Minor Planet Center, ALCDEF, tables."""
