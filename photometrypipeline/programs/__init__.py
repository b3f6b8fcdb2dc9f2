"""The outside programs: Source Extractor, SCAMP, SWarp."""
