"""A user's mytelescopes.py, written for the original suite."""


def join_in(path, registry, folders):
    raise ValueError
