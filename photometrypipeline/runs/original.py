"""Loaded first by the process of which data sets are copies (see starts.py); does nothing in any other."""

import atexit
import contextlib
import gc
import sys

from photometrypipeline.base import interruption


def prepare():
    """Load packages, and do what every data set would do again, each with the same result."""
    from photometrypipeline.base.errors import PipelineError  # none of these before signals are heeded
    from photometrypipeline.instruments import telescopes
    from photometrypipeline.runs import recipes
    from photometrypipeline.website import pages, plotfiles

    plotfiles.load()
    for name in pages.environment().list_templates(["html"]):
        pages.environment().get_template(name)
    recipes.version()
    recipes.ask_versions()
    for program in {name for names in recipes.PROGRAMS.values() for name in names}:
        recipes.program_version(program)
    with contextlib.suppress(PipelineError):  # which each data set tells
        telescopes.load()


if sys.argv[:1] == ["-c"]:  # as a fork server is started
    interruption.in_original()
    gc.disable()  # a copy looks for garbage once it is at work
    atexit.register(gc.freeze)  # else Python looks through all that has been loaded before it ends
    prepare()
