"""From views to HTML: the templates, their filters, and the writing of whole pages."""

import os
import re
import shlex
import sys
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import quote

from photometrypipeline import __version__
from photometrypipeline.base.files import write_text
from photometrypipeline.frames.records import known
from photometrypipeline.frames.rows import REFLECTED_SHARE
from photometrypipeline.sky.times import text_of
from photometrypipeline.website.appearance import COMPILED, STATIC, TEMPLATES
from photometrypipeline.website.views import calibrated

UPLOT = ("uPlot.iife.min.js", "uPlot.min.css", "LICENSE")
STYLE_SHEET = "diagnostics_stylesheet.css"
MOST_OPEN = 5  # sections of targets that are open at first
MOST_ROWS, FIRST_ROWS = 250, 100  # of a table that is shown at once, and what is shown of a longer one
ROW = "\n<tr data-frame"  # begins a row of a table
NOTHING = "—"
OPTION = re.compile(r"(?<!\S)-[a-z][a-z_]*")  # of a command


@cache
def environment():
    """Return the Jinja2 environment of the pages: everything is escaped, an unknown name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    strict = {"autoescape": True, "undefined": StrictUndefined, "bytecode_cache": _compiled()}
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True, auto_reload=False, **strict
    )
    own = {
        "fixed": fixed,
        "signed": signed,
        "plusminus": plusminus,
        "mmag": mmag,
        "unbroken": unbroken,
        "power": power,
        "times": times,
        "fov": field_of_view,
        "utc": utc,
        "sexagesimal": sexagesimal,
        "url": url,
        "text": text,
        "quoted": shlex.quote,
        "parted": parted,
        "calibrated": calibrated,
    }
    made.filters |= {name: _defined(function) for name, function in own.items()}
    made.tests["known"] = _defined(known)
    made.globals |= {"version": __version__, "stylesheet": STYLE_SHEET, "most_open": MOST_OPEN}
    made.globals |= {"reflected_share": REFLECTED_SHARE}
    return made


def _defined(function):
    """Return a filter that fails for a name that is not there, which would be shown as a value that is not known."""
    from jinja2 import Undefined

    def strict(value, *arguments, **options):
        for each in (value, *arguments):
            if isinstance(each, Undefined):
                str(each)  # raises UndefinedError, which names it
        return function(value, *arguments, **options)

    return strict


def _compiled():
    """Return a jinja2 cache of compiled templates next to these, as Python has one; None where nothing can be written.

    Compiling them takes longer than filling them in.
    """
    from jinja2 import FileSystemBytecodeCache

    if sys.dont_write_bytecode or not os.access(TEMPLATES, os.W_OK):
        return None
    COMPILED.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(COMPILED), "%s.cache")


def write_page(path, html):
    """Write `html` (str) to `path`; parts of file names that are not text become question marks."""
    write_text(path, html.encode("utf-8", "replace").decode("utf-8"), at_once=False)


def write_static(folder):
    """Copy style sheet, scripts and the library of the plots into `folder`; return their names (set)."""
    sources = {path.name: path for path in STATIC.iterdir() if path.is_file()}
    sources |= {("uPlot_LICENSE.txt" if name == "LICENSE" else name): STATIC / "uplot" / name for name in UPLOT}
    for name, source in sources.items():
        content = source.read_text(encoding="utf-8")
        target = Path(folder) / name
        if not target.is_file() or target.read_text(encoding="utf-8", errors="replace") != content:
            write_text(target, content, at_once=False)
    return set(sources)


def text(value):
    """Return a value as text, a dash for None and for nothing at all."""
    return NOTHING if value is None or not str(value).strip() else str(value)


def fixed(value, digits):
    """Return a number with `digits` decimals; a dash for what is none."""
    return f"{value:.{digits}f}" if known(value) else NOTHING


def signed(value, digits):
    """Return a number with its sign and `digits` decimals; a dash for what is none."""
    return f"{round(value, digits) + 0.0:+.{digits}f}" if known(value) else NOTHING  # + 0.0: never -0.00


def mmag(value, digits):
    """Return a magnitude in thousandths, with its sign; a dash for what is none."""
    return signed(1000 * value, digits) if known(value) else NOTHING


def unbroken(words):
    """Return a text as HTML in which no line ends within an option of a command, such as -comoving."""
    from markupsafe import Markup, escape

    marked = OPTION.sub(r'<span class="option">\g<0></span>', str(escape(words)))
    return Markup(marked)


def parted(html):
    """Return the inside of a table as HTML in two parts: what is shown at once, and a body with the rows after it.

    A browser takes seconds for a hundred thousand cells.  The second is empty for a table that is not so long.
    """
    from markupsafe import Markup

    rows = str(html).split(ROW)
    if len(rows) <= MOST_ROWS:
        return Markup(html), Markup()
    first, rest = (ROW.join(part) for part in (rows[: FIRST_ROWS + 1], rows[FIRST_ROWS + 1 :]))
    return Markup(f"{first}\n</tbody>"), Markup(f"<tbody>{ROW}{rest}")


def power(value):
    """Return a number in exponent form, such as 1.2e+03."""
    return f"{value:.1e}" if known(value) else NOTHING


def plusminus(value, error, digits):
    """Return `value ± error`, without the second part if it is unknown."""
    if not known(value):
        return NOTHING
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if known(error) else "")


def times(values, digits):
    """Return two numbers as `a x b`."""
    return " x ".join(fixed(value, digits) for value in values) if any(known(value) for value in values) else NOTHING


def field_of_view(frame):
    """Return `w x h` (arcmin) of a frame of the prepare record: size times unbinned scale times binning."""
    parts = (frame.size_px, frame.pixel_scale_arcsec, frame.binning)
    if not all(len(part) == 2 and all(known(value) for value in part) for part in parts):
        return NOTHING
    return times([pixels * scale * binned / 60 for pixels, scale, binned in zip(*parts, strict=True)], 1)


def utc(jd, seconds=False):
    """Return `YYYY-MM-DD HH:MM` of a Julian date, or with `seconds` also these."""
    return _time(jd)[: 19 if seconds else 16] if known(jd) else NOTHING


@lru_cache(maxsize=10_000)
def _time(jd):
    try:
        return text_of(jd)
    except (ValueError, OverflowError):  # no year that a calendar knows
        return NOTHING


def sexagesimal(degrees, hours=False):
    """Return degrees as `+dd mm ss.s`, or with `hours` as `hh mm ss.ss`."""
    if not known(degrees):
        return NOTHING
    per_second, width, sign = (100, 5, "") if hours else (10, 4, "-" if degrees < 0 else "+")
    units = round(abs(degrees) * 3600 * per_second / (15 if hours else 1))  # of the last digit: nothing rounds to 60
    minutes, units = divmod(units, 60 * per_second)
    whole, minutes = divmod(minutes, 60)
    if hours:
        whole %= 24
    return f"{sign}{whole:02d} {minutes:02d} {units / per_second:0{width}.{width - 3}f}"


def url(name):
    """Return a relative path as part of a link."""
    return quote(str(name), safe="/.-_~", errors="surrogateescape")
