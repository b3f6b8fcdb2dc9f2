"""Runs over one data set or a tree of them: what is up to date, what became of each."""
