"""What the outcome of a step depends on besides the frames: options, settings, telescope, versions."""

import dataclasses
import functools
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from photometrypipeline import __version__
from photometrypipeline.base import workers
from photometrypipeline.base.errors import ProgramError, TelescopeError
from photometrypipeline.frames.contents import digest
from photometrypipeline.instruments import telescopes
from photometrypipeline.programs import external

PROGRAMS = {"register": ("Source Extractor", "SCAMP"), "photometry": ("Source Extractor",)}
PACKAGES = ("numpy", "scipy", "astropy")
PIPELINE_FILES = ("pipeline.sex", "pipeline.scamp", "singleaperture.sexparam", "twentyapertures.sexparam")
# Names in pp_setup that matter to these steps alone; a change of any other one makes all of them again.
SETTINGS = {
    "register": (
        *("min_sources_astrometric_catalog", "min_sources_frame", "n_registration_repetitions", "scamp_max_sources"),
        *(
            "scamp_as_contrast_limit",
            "scamp_xy_contrast_limit",
            "scamp_timeout_s",
            "registration_log_odds",
            "catalog_folders",
        ),
    ),
    "photometry": ("photmode", "pos_epsilon", "fluxlimit_aprad", "fluxmargin_aprad"),
    "calibrate": (
        *(
            "photmode",
            "pos_epsilon",
            "min_sources_photometric_catalog",
            "minstars",
            "enough_stars",
            "solcol",
            "max_reference_error",
        ),
        *("photometric_catalog_limit", "max_photometric_stars", "weighted_ranking", "confcalibrate"),
        *("preferred_relations", "stellar_locus_cut", "one_solution"),
    ),
    "distill": (
        *("photmode", "max_distance_arcsec", "position_sigma_arcsec", "clock_error_s", "max_contamination"),
        *("confdistill", "confreport"),
    ),
    "prepare": ("confprepare",),
    "pages": ("confdiagnostics", "confverdict"),
    "store": ("store_limit_mb", "service_urls"),  # no step: where reference stars come from does not change them
}


def make(step, frames, options, settings, contents):
    """Return the recipe of `step` (dict of JSON values): two runs with the same one, on the same frames, agree.

    frames : DataSet;  options : those of the step that matter (dict)
    settings : {name: value} of pp_setup
    contents : Contents, for the files that options name and for the store in the data set
    """
    recipe = {
        "options": {name: plain(value) for name, value in sorted(options.items())},
        "settings": digest(repr(relevant(settings, step))),
        "version": version(),
        "telescope": digest(repr(sorted({definition(header, options, contents) for header in kinds_of(frames)}))),
        "files": {path: contents.of_file(path) for path in sorted(with_sidecars(files_of(options)))},
    }
    if step in PROGRAMS:
        recipe["programs"] = [program_version(program) for program in PROGRAMS[step]]
    if step != "prepare":
        own_store = sorted(path for path in (frames.folder / "pp_store").rglob("*") if path.is_file())
        recipe["store"] = {str(path.relative_to(frames.folder)): contents.of_file(path) for path in own_store}
    if step == "register":
        extra = [frames.folder / "scamp.ahead", *(frame.path.with_suffix(".ahead") for frame in frames)]
        recipe["files"] |= {path.name: contents.of_file(path) for path in extra if path.is_file()}
    return recipe


def difference(old, new):
    """Return in a few words where two recipes differ; empty if they are the same."""
    for name in dict.fromkeys([*new, *old]):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if name in ("options", "files", "store") and isinstance(before, dict) and isinstance(now, dict):
            changed = [key for key in dict.fromkeys([*now, *before]) if before.get(key) != now.get(key)]
            return f"{'option' if name == 'options' else 'file'} {', '.join(changed)} changed"
        return f"{name} changed"
    return ""


def relevant(settings, step):
    """Return those of the settings of pp_setup ([(name, text), ...]) that matter to `step`."""
    private = {name for names in SETTINGS.values() for name in names} - set(SETTINGS.get(step, ()))
    return [(name, _text(value)) for name, value in sorted(settings.items()) if name not in private]


def _text(value):
    """Return a setting as text; the classes of settings by their attributes."""
    if isinstance(value, (bool, int, float, str, tuple, list, dict, type(None))):
        return repr(value)
    names = [name for name in dir(value) if not name.startswith("_") and not callable(getattr(value, name))]
    return repr([(name, repr(getattr(value, name))) for name in names])


def plain(value):
    """Return a value of an option as JSON has it."""
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def files_of(value):
    """Return the names of files (set of str) among the values of options."""
    value = plain(value)
    if isinstance(value, (dict, list)):
        return set().union(*(files_of(part) for part in (value.values() if isinstance(value, dict) else value)))
    return {value} if isinstance(value, str) and value and Path(value).is_file() else set()


def with_sidecars(paths):
    """Return `paths` (set of str) with the files that say what the columns of a user's table are."""
    if not paths:
        return paths
    from photometrypipeline.catalogs import usertable  # brings astropy's tables along

    sidecars = {str(usertable.sidecar_path(Path(path))) for path in paths}
    return paths | {path for path in sidecars if Path(path).is_file()}


def kinds_of(frames):
    """Return one header for each camera among the frames (list), in the order of what they say of it."""
    names = ("TEL_KEYW", *telescopes.IDENTIFYING)
    kinds = {repr([frame.header.get(name) for name in names]): frame.header for frame in frames}
    return [kinds[text] for text in sorted(kinds)]


def definition(header, options, contents):
    """Return a digest of all that is known of the telescope of an image with this `header`."""
    try:
        telescope = telescopes.identify(header, options.get("telescope"))
    except TelescopeError:
        telescope = telescopes.get("GENERIC")
    return _definition(telescope, contents)


def _definition(telescope, contents):
    if telescope.key in contents.definitions:
        return contents.definitions[telescope.key]
    fields = {field.name: getattr(telescope, field.name) for field in dataclasses.fields(telescope)}
    for name in ("setup_folders", "origin"):
        fields.pop(name)  # where the files lie does not matter
    files = [fields.pop(f"{program}_file") for program in ("sex", "scamp", "swarp")]
    files += [telescopes.setup_file(name) for name in PIPELINE_FILES]
    files += telescope.masks.values() if telescope.mask_files else []
    found = digest(repr(fields) + repr([contents.of_file(path) if path else None for path in files]))
    contents.definitions[telescope.key] = found
    return found


@functools.lru_cache(maxsize=1)
def version():
    """Return the version of the pipeline, of its sources, and of the packages that compute."""
    package = Path(__file__).resolve().parents[1]
    scripts = package.parent.glob("*.py") if not (package / "_scripts").is_dir() else []
    sources = sorted([*scripts, *package.rglob("*.py")], key=str)
    code = digest(b"".join(path.read_bytes() for path in sources))
    return [__version__, code, platform.python_version(), *(f"{name} {metadata.version(name)}" for name in PACKAGES)]


def program_version(program):
    """Return what an outside program says of its version; its absence too is an answer."""
    return _asked(program)()


def ask_versions():
    """Begin to ask the programs of a run for their versions, while packages are loaded."""
    for programs in PROGRAMS.values():
        for program in programs:
            _asked(program)


@functools.cache
def _asked(program):
    return workers.alongside(functools.partial(_version_of, program))


def _version_of(program):
    try:
        argv = [external.find_program(program), "-v"]
        quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 20, "check": False}
        done = subprocess.run(argv, text=True, errors="replace", **quiet)
    except (ProgramError, OSError, subprocess.TimeoutExpired):
        return f"{program} is missing"
    found = re.search(r"version\s+\S.*", done.stdout + done.stderr)
    return f"{program} {found.group() if found else done.stdout[:100]}"
