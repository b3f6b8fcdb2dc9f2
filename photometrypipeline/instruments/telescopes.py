"""The instruments that the pipeline knows: those of setup/instruments/, and the user's own.

Folders in which they are looked for, the first one winning: $PHOTPIPEDIR/setup, the user's folder of settings
($XDG_CONFIG_HOME/photometrypipeline), the packaged setup/.  Instruments of a user are TOML files in the subfolder
instruments/, or dictionaries in a mytelescopes.py.
"""

import dataclasses
import fnmatch
import functools
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from photometrypipeline.base import userfolders
from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments import mytelescopes, wildcards
from photometrypipeline.instruments.instrument import IDENTIFYING, Chip, Telescope, as_text, nearest
from photometrypipeline.instruments.instrumentfile import read_instruments

__all__ = ["SETUP_FOLDER", "Chip", "Registry", "Telescope", "get", "identify", "load", "setup_file", "setup_folders"]

log = logging.getLogger("pp.telescopes")

SAME_SITE_KM = 100.0  # a site of a header may be rounded to a degree

_PACKAGE = Path(__file__).resolve().parents[1]
_IN_WHEEL, _IN_CHECKOUT = _PACKAGE / "_scripts" / "setup", _PACKAGE.parent / "setup"
SETUP_FOLDER = _IN_WHEEL if (_IN_WHEEL / "instruments").is_dir() else _IN_CHECKOUT


@dataclass(frozen=True)
class Registry:
    """All instruments."""

    telescopes: dict  # key to Telescope
    identifiers: dict  # header value to key
    aliases: dict  # what older images have as TEL_KEYW to key
    patterns: list  # (pattern of header values, key), those of users first


def user_folder():
    """Return the folder of the user's own settings, which need not exist."""
    return userfolders.config()


def setup_folders():
    """Return the folders that are searched for instruments and configuration files, the first one winning."""
    own = os.environ.get("PHOTPIPEDIR")
    folders = [Path(own) / "setup"] if own else []
    folders = [folder for folder in (*folders, user_folder()) if folder.is_dir() and not _same(folder, SETUP_FOLDER)]
    return (*folders, SETUP_FOLDER)


def setup_file(name):
    """Return the Path of the file `name` in the first of the setup folders that has it.  Raises TelescopeError."""
    for folder in setup_folders():
        if (folder / name).is_file():
            return folder / name
    raise TelescopeError(f"{name} is in none of {', '.join(map(str, setup_folders()))}; the installation is incomplete")


def _same(one, other):
    return one.resolve() == other.resolve()


def load():
    """Return the Registry of all instruments, read once per process and set of files.  Raises TelescopeError."""
    folders = setup_folders()
    files = [path for folder in folders for path in _files_of_users(folder)]
    return _load(folders, tuple((path, path.stat().st_mtime_ns) for path in files))


def _files_of_users(folder):
    """Return the definitions of users in `folder`, the one that wins first."""
    scripts = [path for name in ("mytelescopes.py", "telescopes.py") if (path := folder / name).is_file()]
    if folder == SETUP_FOLDER:
        return [path for path in scripts if path.name == "mytelescopes.py"]
    return [*sorted((folder / "instruments").glob("*.toml")), *scripts]


@functools.lru_cache(maxsize=8)
def _load(folders, stamped_files):
    registry = Registry({}, {}, {}, [])
    for path in sorted((SETUP_FOLDER / "instruments").glob("*.toml")):
        for telescope in read_instruments(path, folders):
            _register(registry, _with_files_of_users(telescope, folders[:-1]), ours=True)
    if not registry.telescopes:
        raise TelescopeError(
            f"there are no instruments in {SETUP_FOLDER / 'instruments'}; the installation is incomplete"
        )
    ours = tuple(registry.patterns)
    wildcards.check(ours, registry.telescopes)
    for path, _ in reversed(stamped_files):
        if path.suffix == ".toml":
            for telescope in read_instruments(path, folders):
                _register(registry, telescope, ours=False)
        elif path.name == "mytelescopes.py":
            mytelescopes.join_in(path, registry, folders)
        else:
            _add_from_old_suite(path, registry, folders)
    wildcards.check([each for each in registry.patterns if each not in ours], registry.telescopes)
    return registry


def _with_files_of_users(telescope, folders):
    """Return `telescope` with a user's own NAME.sex, NAME.scamp, NAME.swarp in the place of our settings."""
    for program in ("swarp", "scamp", "sex"):
        name = f"{telescope.legacy_config}.{program}"
        found = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if found:
            log.info("%s: %s takes the place of the packaged settings", telescope.key, found)
            telescope = dataclasses.replace(telescope, **{f"{program}_file": found, program: {}})
    return telescope


def _add_from_old_suite(path, registry, folders):
    """Add what a telescopes.py of the original suite has beyond our instruments; no error if it cannot be run."""
    if b"photometrypipeline" in path.read_bytes().replace(b"photometrypipeline/", b""):
        return  # ours, in another checkout
    try:
        mytelescopes.join_in(path, registry, folders, only_new=True)
    except TelescopeError as error:
        log.warning("instruments that only this file has are not known: %s", error)


def _register(registry, telescope, ours):
    """Add `telescope`; what a user defines takes the place of ours, two of ours never claim the same name."""
    names = [name for name in telescope.identifiers if not wildcards.is_pattern(name)]
    registry.patterns[:] = [each for each in registry.patterns if each[1] != telescope.key]
    own = [(name, telescope.key) for name in telescope.identifiers if wildcards.is_pattern(name)]
    registry.patterns[:] = registry.patterns + own if ours else own + registry.patterns
    for name in (*names, *telescope.aliases):
        table = registry.identifiers if name in names else registry.aliases
        before = table.get(name)
        if before not in (None, telescope.key):
            if ours:
                raise TelescopeError(f"{telescope.origin}: {name!r} belongs to {before} already")
            log.info("%s: %r, which means %s otherwise, means %s", telescope.origin, name, before, telescope.key)
        table[name] = telescope.key
    registry.telescopes[telescope.key] = telescope


def get(key):
    """Return the Telescope called `key`, or once called so.  Raises TelescopeError with the nearest names."""
    registry = load()
    name = str(key).strip()
    name = name if name in registry.telescopes else registry.aliases.get(name, name)
    if name not in registry.telescopes:
        raise TelescopeError(f"no telescope is called {key!r}{nearest(key, registry.telescopes)}")
    return registry.telescopes[name]


def identify(header, override=None):
    """Return the Telescope that took the image with this `header` (a mapping of keywords to values).

    override : key of the telescope to take instead, or None
    In order: `override`; TEL_KEYW, which an earlier step wrote, unless it says GENERIC and the header knows better;
    PPINSTRU, LCAMMOD, FPA, CAM_NAME, INSTRUME, TELESCOP among the identifiers.  Raises TelescopeError: what was tried.
    """
    if override:
        return get(override).for_header(header)
    registry = load()
    written = as_text(header.get("TEL_KEYW", ""))
    key = written if written in registry.telescopes else registry.aliases.get(written)
    found, value, tried = _by_identifier(header, registry)
    if key is None or (key == "GENERIC" and found not in (None, "GENERIC")):
        key = found
    if key is None:
        raise TelescopeError(
            "no known telescope: "
            + "; ".join(tried or [f"the header has none of {', '.join(IDENTIFYING)}"])
            + "; name it with -telescope or a PPINSTRU card, or define it (README, 'Your own telescope')"
        )
    return registry.telescopes[key].for_header(header, value if found == key else "")


def _by_identifier(header, registry):
    """Return (key or None, header value that led to it, list of what was tried and failed)."""
    tried = []
    for keyword in IDENTIFYING:
        value = as_text(header.get(keyword, ""))
        if not value:
            continue
        if keyword == "TELESCOP" and "INSTRUME" in header and as_text(header["INSTRUME"]):
            tried.append(f"TELESCOP = {value!r} (not consulted, since INSTRUME is present)")
            continue  # another camera at a telescope that we know is still another camera
        keys = wildcards.keys_of(value, registry)
        # a name that many cameras have gives way to a family whose TELESCOP fits
        for key in sorted(keys, key=lambda key: registry.telescopes[key].vague):
            if _telescop_fits(registry.telescopes[key], header, keyword, value, tried):
                return key, value, tried
        if not keys:
            tried.append(f"{keyword} = {value!r}{nearest(value, registry.identifiers, 1)}")
        if keyword == "PPINSTRU":
            break
    return None, "", tried


def _distance_km(telescope, header):
    """Return how far the site that a header names is from the station of a Telescope (km), None if it names none."""
    from photometrypipeline.instruments import sites  # slow to import, and hardly ever needed here

    far_km = sites.distance_km(header, telescope.mpc_code)
    return far_km if far_km == far_km else None


def _telescop_fits(telescope, header, keyword, value, tried):
    """True unless TELESCOP contradicts; an identifier that is no proof is accepted with a warning.

    Where a telescope lists its names (field `telescop`), TELESCOP or OBSERVAT has to fit one, if there is any of the
    two; a pattern or a name that many cameras have is not enough alone.  A site in the header decides on the latter.
    """
    far_km = _distance_km(telescope, header) if telescope.vague and keyword != "PPINSTRU" else None
    if far_km is not None:
        at_home = far_km < SAME_SITE_KM
        if not at_home:
            tried.append(f"{keyword} = {value!r} would be {telescope.key}, but its site is {far_km:.0f} km away")
        return at_home
    where = {name: text for name in ("TELESCOP", "OBSERVAT") if (text := as_text(header.get(name) or ""))}
    if telescope.telescop and keyword not in ("PPINSTRU", "TELESCOP"):
        texts = [text.lower() for text in where.values()]
        if any(fnmatch.fnmatchcase(text, pattern.lower()) for text in texts for pattern in telescope.telescop):
            return True
        if not where and value in telescope.identifiers and not telescope.vague:
            return True
        found = ", ".join(f"{name} = {text!r}" for name, text in where.items()) or "the header has no TELESCOP"
        tried.append(f"{keyword} = {value!r} would be {telescope.key}, but {found}")
        return False
    if telescope.vague and keyword != "PPINSTRU":
        log.warning(
            "%s = %r is taken for %s (%s), but others have it too (TELESCOP = %r); if that is wrong, use -telescope",
            keyword, value, telescope.key, telescope.label, where.get("TELESCOP"),
        )  # fmt: skip
    return True
