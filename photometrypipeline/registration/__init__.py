"""Where a frame lies on the sky."""
