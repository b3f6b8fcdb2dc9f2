"""Checks of what options were given: called with a value, they return what the step gets, or raise UsageError.

What a value is checked with is imported when it is given, so that `-h` answers at once.
"""

import math
from pathlib import Path

from photometrypipeline.base.errors import CatalogError, FrameError, UsageError

LARGEST_MAG = 100.0
SCHEMAS = ("pos", "prob", "apr", "none")  # of rejection, that -reject knows


def catalogs_named(value):
    """Return the names (tuple) of catalogues in our letters; paths of tables as they are, if they can be read."""
    from photometrypipeline.catalogs import surveys

    names = tuple(surveys.named(name) for name in ((value,) if isinstance(value, str) else value))
    for table in [name for name in names if not surveys.canonical(name)]:
        _own_table(table)
    return names


def _own_table(path):
    """Raise UsageError for a table of the user's that has no stars for us: before hours of work."""
    from photometrypipeline.catalogs import usertable

    try:
        number = len(usertable.read(path).table)
    except CatalogError as error:
        raise UsageError(str(error)) from None
    if not number:
        raise UsageError(f"{path}: there is no star with a position in it")


def astrometric_catalogs(value):
    """Return the names (tuple) of catalogues whose positions serve the registration.  Raises UsageError for others."""
    from photometrypipeline.catalogs import surveys

    names = catalogs_named(value)
    for name in names:
        if surveys.canonical(name) and surveys.get(name).key is None:
            why = surveys.get(name).not_for_registration
            raise UsageError(f"-cat {name} is not meant for the registration: {why}; use GAIA, or leave -cat out")
    return names


def photometric_catalogs(value):
    """Return the names (tuple) of catalogues, or tables, that a calibration can use.  Raises UsageError for others."""
    from photometrypipeline.catalogs import surveys

    names = catalogs_named(value)
    for name in names:
        if surveys.canonical(name) and not surveys.get(name).bands:
            why = "it has no magnitudes that are good enough"
            raise UsageError(f"-catalog {name} is not meant for the calibration: {why}; leave -catalog out")
    return names


def answers(value):
    """Return {name: text} of NAME=VALUE, as pp_prepare -set takes them."""
    if not value:
        return {}
    from photometrypipeline.newcamera import generic

    given = [f"{name}={text}" for name, text in value.items()] if isinstance(value, dict) else value
    return generic.parse_answers(given)


def elements(value):
    """Return the path of a file with orbital elements, which it is read for: before hours of work."""
    if not Path(value).is_file():
        raise UsageError(f"-elements {value}: no such file; check its name")
    from photometrypipeline.ephemerides import elementsfile

    try:
        elementsfile.read(value, "1")  # any name will do
    except FrameError as error:
        raise UsageError(f"-elements {error}") from None
    return value


def exclusion_list(value):
    """Return the path of a list of observations that can be read."""
    from photometrypipeline.frames import exclusions

    exclusions.read(value)
    return value


def schemas(value):
    """Return the rejection schemas (tuple) of a list separated by commas, or a tuple."""
    names = tuple(name.strip() for name in (value.split(",") if isinstance(value, str) else value) if name.strip())
    unknown = [name for name in names if name not in SCHEMAS]
    if unknown or not names:
        raise UsageError(
            f"rejection schema {', '.join(unknown) or repr(value)} is unknown; valid: {', '.join(SCHEMAS)}"
        )
    return names


def zeropoint(value, _=None):
    """Raise UsageError unless `value` is a zeropoint and its uncertainty, both in mag."""
    magnitude, sigma = value
    if not (abs(magnitude) <= LARGEST_MAG and 0 <= sigma <= LARGEST_MAG):
        raise UsageError(
            f"-magzp {magnitude:g} {sigma:g}: give a zeropoint and its uncertainty in mag, such as 25.1 0.03"
        )


def target_color(value):
    """Return the colour of a target (float, mag), or a taxonomic class (str) as it is written."""
    from photometrypipeline.calibration import targetcolor

    return targetcolor.wished(value)


def star_list(value):
    """Return the path of a list of reference stars that can be read."""
    from photometrypipeline.calibration import starlist

    starlist.read(value)
    return value


def fixed_targets(value):
    """Return the path of a list of targets that stand still, which can be read."""
    from photometrypipeline.frames import fixedplaces

    return _readable(value, fixedplaces.read)


def positions(value):
    """Return the path of a file of positions that can be read, or the word that stands for all of them."""
    from photometrypipeline.frames import positionsfile

    return value if value == positionsfile.ALL else _readable(value, positionsfile.read)


def _readable(path, read):
    """Return the path of a file that `read` can read."""
    try:
        read(path)
    except FrameError as error:
        raise UsageError(str(error)) from None
    return path


def color_name(value):
    """Return the name of a colour such as g-r.  Raises UsageError for what is none."""
    from photometrypipeline.catalogs import colorterms

    if colorterms.color_bands(value) is None:
        raise UsageError(
            f"{value} is not a colour; give two bands with a minus sign between them, such as g-r, B-V or BP-RP"
        )
    return value


def check_colors(options):
    """Raise UsageError where the colour of the target is not known in that of the colour term."""
    if options.colorterm is not None:
        from photometrypipeline.calibration import targetcolor

        targetcolor.of(options.target_color, options.colorterm)


def radius_range(value):
    """Return the smallest and the largest radius of the curve of growth, px."""
    low, high = value
    if not 0 < low < high < math.inf:
        raise UsageError(f"-aprad_range {low:g} {high:g}: give the smaller radius first, both above 0 px")
    return value
