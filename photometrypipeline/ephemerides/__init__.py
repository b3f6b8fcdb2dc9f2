"""Moving bodies: their names, their orbits, their places at a time."""
