"""All orbits that are known: kept by the million, and which of these bodies are in a field at a time."""
