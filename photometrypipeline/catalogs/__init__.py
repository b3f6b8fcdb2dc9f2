"""Reference stars: the surveys, the relations between their bands, and the store of what was fetched."""
