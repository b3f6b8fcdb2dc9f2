"""From raw frames to frames that can be measured: bias, dark, flat, overscan, and the bad pixels that they show."""
