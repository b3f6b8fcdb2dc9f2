"""What users may choose of the programs by a word; apart from what runs them, since help texts list it at once."""

# -source_tolerance: sources with one of these bits in Source Extractor's flags are left out
FLAG_MASKS = {"none": 0x00FF, "low": 0x00FE, "medium": 0x00FC, "high": 0x00F8}
# -method: SWarp's COMBINE_TYPE
METHODS = {"average": "AVERAGE", "median": "MEDIAN", "clipped": "CLIPPED"}
