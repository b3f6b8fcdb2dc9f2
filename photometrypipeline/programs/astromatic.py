"""Source Extractor, SCAMP and SWarp: their argument lists, and readers that look at what they left."""

import logging
import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from astropy.io import fits

from photometrypipeline.base import cdmatrix
from photometrypipeline.base.errors import ProgramError, UnusableResult, in_words
from photometrypipeline.base.files import write_text
from photometrypipeline.frames import ldac
from photometrypipeline.instruments.telescopes import SETUP_FOLDER, setup_file
from photometrypipeline.programs.external import find_program, run_program

log = logging.getLogger("pp.astromatic")

NO_HEADER_FILES = ".pp-none"  # a suffix that no file has: a .head left next to an image must not override its WCS
NEVER_SATURATED = 1000000
FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian
SCAMP_KINDS = {"int": int, "float": np.float32, "double": float, "boolean": "T".__eq__}  # of values in its report
OF_FIELDS = {"Catalog_Name", "AS_Contrast", "XY_Contrast", "AstromSigma_Reference"}  # columns that are read there
OF_FIELDS |= {"Chi2_Reference", "Chi2_Internal", "NDetect"}
SCAMP_DEFAULTS = {"FLAGS", "FLUX_AUTO", "FLUXERR_AUTO", "MAG_AUTO", "A_IMAGE", "B_IMAGE", "FWHM_IMAGE"}


def extraction_arguments(image, output, telescope, *, apertures_px, snr, min_area, parameters, **options):
    """Return the Source Extractor command line (list of str) for one image.

    apertures_px : aperture radii;  snr : detection and analysis threshold, sigma;  min_area : px
    parameters : file with the columns to write
    options : deblend (True), ignore_saturation (False), mask (path of a weight image), background ('LOCAL'),
        filter (path of a kernel that the image is smoothed with for the detection, not for the measurement)
        detection (path of an image in which sources are looked for; `image` is measured)
    """
    images = [options["detection"], image] if options.get("detection") else [image]
    arguments = [find_program("Source Extractor"), *images, "-c", telescope.sex_file or setup_file("pipeline.sex")]
    for name, value in telescope.sex.items():
        arguments += [f"-{name}", value]
    diameters = ",".join(f"{2 * radius:.4f}".rstrip("0").rstrip(".") for radius in apertures_px)
    arguments += ["-PHOT_APERTURES", diameters, "-BACKPHOTO_TYPE", options.get("background", "LOCAL")]
    arguments += ["-DETECT_MINAREA", f"{min_area:g}", "-DETECT_THRESH", f"{snr:g}", "-ANALYSIS_THRESH", f"{snr:g}"]
    arguments += ["-CATALOG_NAME", output, "-CATALOG_TYPE", "FITS_LDAC", "-PARAMETERS_NAME", parameters]
    arguments += ["-HEADER_SUFFIX", NO_HEADER_FILES, "-VERBOSE_TYPE", "QUIET"]
    arguments += ["-WRITE_XML", "N", "-CHECKIMAGE_TYPE", "NONE"]
    if options.get("mask"):
        arguments += ["-WEIGHT_TYPE", "MAP_WEIGHT", "-WEIGHT_IMAGE", options["mask"]]
    if options.get("filter"):
        arguments += ["-FILTER", "Y", "-FILTER_NAME", options["filter"]]
    if telescope.saturation:
        arguments += ["-SATUR_LEVEL", f"{telescope.saturation:g}"]
    if telescope.gain:
        arguments += ["-GAIN", f"{telescope.gain:g}"]
    for role, parameter in (("gain", "-GAIN_KEY"), ("saturation", "-SATUR_KEY")):
        if telescope.header.get(role):
            arguments += [parameter, telescope.header[role]]
    if options.get("ignore_saturation"):
        arguments += ["-SATUR_LEVEL", str(NEVER_SATURATED), "-SATUR_KEY", "NOPE"]
    if not options.get("deblend", True):
        arguments += ["-DEBLEND_MINCONT", "1"]
    return [str(argument) for argument in arguments]


def extract(image, output, telescope, timeout_s, **options):
    """Run Source Extractor on one image; returns the number of sources in `output`.  Raises ProgramError.

    The program merely warns of a column that it does not know: every column asked for has to be in the result.
    """
    output = Path(output)
    run_program(
        extraction_arguments(image, output, telescope, **options),
        [output],
        timeout_s=timeout_s,
        environment={"PHOTPIPEDIR": os.environ.get("PHOTPIPEDIR") or str(SETUP_FOLDER.parent)},  # config files name it
    )
    try:
        columns, number = _ldac_columns(output)
    except (OSError, KeyError, IndexError, TypeError) as error:
        raise ProgramError(f"Source Extractor wrote no table of sources for {image} ({in_words(error)})") from None
    missing = [name for name in requested_columns(options["parameters"]) if name not in columns]
    if missing:
        raise ProgramError(
            f"Source Extractor did not measure {', '.join(missing)}, which {options['parameters']} asks for"
        )
    return number


def write_filter(path, fwhm_px):
    """Write a Gaussian of `fwhm_px` as a detection filter; returns the noise that white noise of 1 has behind it.

    Smoothing with the shape of a star makes the most of a faint one (North 1943; Bertin & Arnouts 1996, section 5).
    """
    half = max(1, int(np.ceil(fwhm_px)))
    squares = (np.arange(-half, half + 1) / (fwhm_px / FWHM_PER_SIGMA)) ** 2
    kernel = np.exp(-(squares[:, None] + squares) / 2)
    rows = [" ".join(f"{value:.6f}" for value in row) for row in kernel]
    write_text(path, "\n".join(["CONV NORM", f"# Gaussian, FWHM {fwhm_px:.2f} px", *rows]) + "\n")
    return float(np.sqrt(np.sum(kernel**2)) / kernel.sum())


def _ldac_columns(path):
    with fits.open(path) as hdus:
        header = hdus["LDAC_OBJECTS"].header
        return {header[f"TTYPE{n}"] for n in range(1, header["TFIELDS"] + 1)}, header["NAXIS2"]


def requested_columns(path):
    """Return the column names (list) in a parameter file of Source Extractor."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line.partition("(")[0].strip() for line in lines if line]


def effective_settings(program, telescope, command_line=None):
    """Return the complete settings of `program` for this telescope as the text of a configuration file.

    They are the program's own defaults, overridden by the file of the pipeline (or the user's own), by what the
    telescope definition says, and by what the step puts on the command line (dict).
    """
    kind = {"Source Extractor": "sex", "SCAMP": "scamp", "SWarp": "swarp"}[program]
    defaults = run_program([find_program(program), "-dd"], [])
    path = getattr(telescope, f"{kind}_file") or setup_file(f"pipeline.{kind}")
    settings = settings_in(defaults) | settings_in(Path(path).read_text(encoding="utf-8")) | getattr(telescope, kind)
    settings |= command_line or {}
    lines = [f"# {program} for {telescope.key}: its defaults, {path}, and the telescope definition"]
    return "\n".join(lines + [f"{name:20s} {value}" for name, value in settings.items()])


def settings_in(text):
    """Return {name: value} of the text of a configuration file."""
    lines = (line.partition("#")[0].split(None, 1) for line in text.splitlines())
    return {fields[0]: fields[1].strip() if len(fields) > 1 else "" for fields in lines if fields}


def scamp_arguments(source_lists, reference, telescope, mask, xml, *, extra=None):
    """Return the SCAMP command line (list of str).

    source_lists : paths in the order of the result;  reference : the reference catalogue
    mask : sources with one of these FLAGS bits are left out;  extra : settings that come last
    """
    arguments = [find_program("SCAMP"), *source_lists, "-c", telescope.scamp_file or setup_file("pipeline.scamp")]
    settings = (
        dict(telescope.scamp)
        | {
            "FLAGS_MASK": f"0x{mask:04x}",
            "ASTR_FLAGSMASK": f"0x{mask:04x}",
            "ASTREF_CATALOG": "FILE",
            "ASTREFCAT_NAME": str(reference),
            "WRITE_XML": "Y",
            "XML_NAME": str(xml),
            "HEADER_SUFFIX": ".head",
            "VERBOSE_TYPE": "NORMAL",
            "CHECKPLOT_TYPE": "NONE",
            "CHECKPLOT_DEV": "NULL",
            "NTHREADS": "1",  # with more, sums come out in another order, and the last digits of the solution with them
        }
        | (extra or {})
    )
    for name, value in settings.items():
        arguments += [f"-{name}", value]
    return [str(argument) for argument in arguments]


def run_scamp(source_lists, reference, telescope, mask, folder, timeout_s, **options):
    """Run SCAMP in `folder`, where the source lists lie; returns one dict per source list, in their order.

    Keys: as_contrast, xy_contrast, sigma_ra_arcsec, sigma_dec_arcsec, chi2_reference, chi2_internal, n_detected.
    Raises ProgramError.  SCAMP ends with code 0 and writes a solution even for a field that matches nothing: it is for
    the caller to judge.
    """
    xml = Path(folder) / "scamp_output.xml"
    heads = [Path(path).with_suffix(".head") for path in source_lists]
    run_program(
        # by their bare names: SCAMP writes next to its input, and takes a path with a blank for two
        scamp_arguments([Path(path).name for path in source_lists], reference, telescope, mask, xml.name, **options),
        [xml, *heads],
        cwd=folder,
        timeout_s=timeout_s,
    )
    return read_scamp_xml(xml, [Path(path).name for path in source_lists])


def read_scamp_xml(path, names):
    """Return one dict per name in `names` (of source lists, in the order given to SCAMP) from its VOTable.

    Raises ProgramError for a file that is missing, broken, or does not have a row for each name.
    """
    try:
        rows = votable_named(path, "Fields", OF_FIELDS)
        listed = [os.path.basename(row["Catalog_Name"]) for row in rows]
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise ProgramError(f"SCAMP's report {path} cannot be read: {in_words(error)}") from None
    if listed != list(names):
        raise ProgramError(
            f"SCAMP's report {path} lists {', '.join(listed[:5])} instead of the {len(names)} source lists given to it"
        )
    return [_field(row) for row in rows]


def _field(row):
    """Return the numbers (dict) of a row of the report, of the columns OF_FIELDS."""
    sigma = np.ravel(row["AstromSigma_Reference"]).astype(float)
    return {
        "as_contrast": float(row["AS_Contrast"]),
        "xy_contrast": float(row["XY_Contrast"]),
        "sigma_ra_arcsec": float(sigma[0]),
        "sigma_dec_arcsec": float(sigma[1]),
        "chi2_reference": float(row["Chi2_Reference"]),
        "chi2_internal": float(row["Chi2_Internal"]),
        "n_detected": int(row["NDetect"]),
    }


def votable_named(path, name, wanted=None):
    """Return the rows (list of dicts by column) of the table `name` in a report of SCAMP, values as they are declared.

    wanted : names of columns, None for all
    Arrays are ndarrays.  Raises KeyError if there is no such table, ValueError for a file that is no XML.

    By hand, since astropy's reader loads and checks units for longer than SCAMP takes for a few frames; row by row,
    since a report of a thousand frames as a tree takes more memory than the frames.
    """
    table, fields, rows = None, [], None
    try:
        for event, element in ElementTree.iterparse(path, ("start", "end")):
            kind = element.tag.rpartition("}")[2]
            if kind == "TABLE":
                table = element.get("name") if event == "start" else None
                rows = [] if rows is None and table == name else rows
            elif event == "end" and table == name and kind == "FIELD":
                fields.append((element.get("name"), _reader_of(element)))
            elif event == "end" and kind == "TR":
                if table == name:
                    rows.append(_row(fields, element.iterfind("{*}TD"), wanted))
                element.clear()
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not XML ({error})") from None
    if rows is None:
        raise KeyError(name)
    return rows


def _row(fields, cells, wanted):
    """Return {name: value} of a row from its fields [(name, function that reads a text), ...] and cells."""
    pairs = zip(fields, cells, strict=True)
    return {known: read(cell.text or "") for (known, read), cell in pairs if wanted is None or known in wanted}


def _reader_of(field):
    """Return the function that turns the text in a FIELD of a VOTable into a value."""
    kind = SCAMP_KINDS.get(field.get("datatype"), str)
    if kind is not str and field.get("arraysize"):
        return lambda text: np.array(text.split(), dtype=kind)
    return kind


def read_head(path):
    """Return the header (fits.Header) in a .head file of SCAMP; commentary, which may be non-ASCII, is dropped.

    Raises UnusableResult if it has no complete solution.
    """
    lines = Path(path).read_bytes().decode("ascii", errors="ignore").splitlines()
    cards = [line.ljust(80)[:80] for line in lines if not line.startswith(("COMMENT", "HISTORY", "END"))]
    header = fits.Header.fromstring("".join(cards))
    needed = ("CTYPE1", "CTYPE2", *cdmatrix.LINEAR)
    missing = [keyword for keyword in needed if keyword not in header]
    if missing:
        raise UnusableResult(f"SCAMP wrote a solution without {', '.join(missing)}")
    for card in header.cards:
        if card.keyword.startswith(("CD", "CR", "PV")) and not (
            isinstance(card.value, int | float) and np.isfinite(card.value)
        ):
            raise UnusableResult(f"SCAMP wrote a solution in which {card.keyword} is not a number")
    return header


def trim_for_scamp(sources, mask, n_most, snr_min):
    """Return the SourceList with those sources alone that SCAMP can use, at most `n_most`, the brightest.

    SCAMP never ends on a list of which no source passes its limits, and its time grows with the square of their number.
    """
    flux, error = np.asarray(sources.table["FLUX_ISOCOR"]), np.asarray(sources.table["FLUXERR_ISOCOR"])
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.where(error > 0, flux / error, 0.0)
    unflagged = (np.asarray(sources.table["FLAGS"]) & mask) == 0
    good = (snr > snr_min) & unflagged & np.isfinite(sources.table["XWIN_IMAGE"])
    order = np.argsort(np.where(good, -flux, np.inf), kind="stable")[: min(int(good.sum()), n_most)]
    return sources.select(np.sort(order))


def write_for_scamp(path, sources, header, columns=None):
    """Write a source list for SCAMP whose image header is `header`, the one that holds the first guess of the WCS.

    columns : names of those that it needs, None for all; every column takes as long to write as a hundred stars
    """
    table = sources.table
    if columns is not None:
        table = table[[name for name in table.colnames if name in columns]]
    ldac.write(path, ldac.SourceList(header, table))


def scamp_columns(telescope):
    """Return the names (set) of the columns that SCAMP may need for this telescope: those that its settings name.

    None, for all, where the user has a configuration file.
    """
    if telescope.scamp_file:
        return None
    settings = settings_in(Path(setup_file("pipeline.scamp")).read_text(encoding="utf-8")) | telescope.scamp
    named = {name.strip() for value in settings.values() for name in str(value).split(",")}
    return named | SCAMP_DEFAULTS
