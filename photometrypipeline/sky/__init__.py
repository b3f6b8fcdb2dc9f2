"""The sphere, the tangent plane, matching of places, time, and the stations of observers."""
