"""The Photometry Pipeline: from frames of asteroids and stars to calibrated light curves.

    import photometrypipeline as pp
    night = pp.run("mscience*.fits")
    night.light_curve  # an astropy Table

docs/python.md says what there is; interface.py holds it, and is loaded when one of its names is first used.
"""

from photometrypipeline.base import interruption

interruption.while_loading()  # before anything else is imported: a Ctrl-C there is to be one line as well

__version__ = "2.0.0.dev0"
__all__ = [
    "Run",
    "Step",
    "calibrate",
    "combine",
    "distill",
    "extract",
    "light_curve",
    "measure",
    "pages",
    "prepare",
    "register",
    "run",
    "stackedphotometry",
    "verdicts",
]


def __getattr__(name):
    """Return what interface.py has under `name`, for the names in __all__."""
    if name not in __all__:
        raise AttributeError("module " + __name__ + " has no attribute " + name)
    from photometrypipeline import interface

    return getattr(interface, name)


def __dir__():
    """Return the names of the interface."""
    return [*__all__, "__version__"]
