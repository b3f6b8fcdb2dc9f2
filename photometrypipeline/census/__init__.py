"""The census of a field: what moves among the stars, known or not."""
