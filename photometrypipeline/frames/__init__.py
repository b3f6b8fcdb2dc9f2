"""A frame, its header and its data set, and the files next to it."""
