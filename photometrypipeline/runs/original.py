"""Loaded first by the process of which data sets are copies (see starts.py); does nothing in any other."""

import atexit
import gc
import sys

from photometrypipeline.base import interruption
from photometrypipeline.website import plotfiles

if sys.argv[:1] == ["-c"]:  # as a fork server is started
    interruption.in_original()
    gc.disable()  # a copy looks for garbage once it is at work
    atexit.register(gc.freeze)  # else Python looks through all that has been loaded before it ends
    plotfiles.load()
