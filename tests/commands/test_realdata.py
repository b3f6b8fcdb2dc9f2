"""Frames of real telescopes, from ../shared/data; skipped where that is missing.  README.md says how far each goes."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from astropy.io import fits

from photometrypipeline.base.errors import CatalogError
from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.frames import framedb, ldac
from photometrypipeline.frames.frame import read_header
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.sky.matching import unique_pairs
from photometrypipeline.sky.sphere import mean_direction, ra_difference_deg, separation_deg

INSTRUMENTS = Path(__file__).resolve().parents[1] / "instrument_files"
ANACOSTIA = (0.7899, 18.4193)  # deg, J2000, in both frames


def unpack(source, pattern, folder):
    """Unpack real frames into `folder`; skips without Tycho-2.  pptool_telescope defines their camera from the first.

    Returns the environment (dict) in which commands know the camera, and what pptool_telescope printed.
    """
    from test_commands import run_plain

    try:
        tycho2.find()
    except CatalogError as error:
        pytest.skip(str(error))
    for path in sorted(source.glob(pattern)):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    table = next(source.glob("tycho2_*.csv")).read_text().splitlines()
    (folder / "tycho2.csv").write_text(
        "\n".join(["ra_deg,dec_deg,VT_mag", *(line for line in table if not line.startswith("#"))])
    )
    shutil.copy(INSTRUMENTS / "tycho2.columns.toml", folder)
    environment = {"XDG_CONFIG_HOME": str(folder / "settings")}
    (folder / "settings").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", environment["XDG_CONFIG_HOME"])
        first = sorted(source.glob(pattern))[0].stem
        done = run_plain("pptool_telescope", "-offline", "-cat", "TYCHO2", first, cwd=folder)
    assert done.returncode == 0, done.stderr
    return environment, done.stdout


def residuals_arcsec(folder, name):
    """Return distances (east, north) of the sources within 6 arcsec of a Tycho-2 star, by the image's own WCS."""
    sources = ldac.read(folder / name.replace(".fits", ".ldac"))
    ra, dec = to_sky(read_header(folder / name), sources.table["XWIN_IMAGE"], sources.table["YWIN_IMAGE"])
    stars = tycho2.read(*mean_direction(ra, dec), 2.0, 14.0)
    i_source, i_star = unique_pairs(ra, dec, stars["ra_deg"], stars["dec_deg"], 6.0)
    east = ra_difference_deg(ra[i_source], stars["ra_deg"][i_star]) * np.cos(np.radians(dec[i_source])) * 3600
    return east, (dec[i_source] - stars["dec_deg"][i_star]) * 3600


def scatter(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


@pytest.fixture(scope="module")
def anacostia(tmp_path_factory):
    """Return (folder, names, CompletedProcess of pp_run, of pp_distill) of the two frames of asteroid 980."""
    from conftest import SHARED
    from test_commands import run_plain

    if not (SHARED / "anacostia").is_dir():
        pytest.skip(f"no real data in {SHARED}")
    folder = tmp_path_factory.mktemp("anacostia")
    patch = pytest.MonkeyPatch()
    for name, value in unpack(SHARED / "anacostia", "*.fit.gz", folder)[0].items():
        patch.setenv(name, value)
    run = run_plain("pp_run", "*.fit", "-offline", "-cat", "TYCHO2", "-catalog", "tycho2.csv", cwd=folder)
    names = sorted(path.name for path in folder.glob("*.fits"))
    (folder / "places.dat").write_text("".join(f"{name} {ANACOSTIA[0]} {ANACOSTIA[1]} 0 980\n" for name in names))
    distill = run_plain("pp_distill", "-positions", "places.dat", *names, cwd=folder)
    patch.undo()
    return folder, names, run, distill


def test_frames_of_a_small_refractor_are_registered_to_a_quarter_of_a_pixel(anacostia):
    folder, names, run, _ = anacostia
    assert (folder / "registration_succeeded.lst").read_text().split() == names and len(names) == 2
    assert run.returncode == 1  # calibrated; but the place of 980 cannot be asked for offline
    assert "is not asked when offline" in run.stderr
    for name in names:
        east, north = residuals_arcsec(folder, name)
        assert east.size > 50
        assert scatter(east) < 1.3 and scatter(north) < 1.3  # arcsec; pixels of 4.56" with stars one pixel wide
        assert abs(np.median(east)) < 0.5 and abs(np.median(north)) < 0.5


def test_the_real_asteroid_is_found_and_measured(anacostia):
    folder, names, _, distill = anacostia
    assert distill.returncode == 0, distill.stderr
    table = text_tables.read(folder / "photometry_980.dat", format="commented_header")
    assert len(table) == 2
    assert np.all(separation_deg(table["source_ra"], table["source_dec"], *ANACOSTIA) * 3600 < 3)
    zp_err = max(framedb.read(folder / name.replace(".fits", ".ldac.db"))[2]["zp_err"] for name in names)
    # within a minute it does not change: the difference is that of two measurements and two zeropoints
    assert abs(np.diff(table["mag"])[0]) < 3 * np.sqrt(2) * np.hypot(zp_err, table["in_sig"].max())
    assert np.all((table["mag"] > 11.5) & (table["mag"] < 12.7))


def test_a_frame_without_any_pointing_is_found_on_the_whole_sky(tmp_path, shared_data, run_command):
    environment, _ = unpack(shared_data / "anacostia", "*frame100.fit.gz", tmp_path)
    path = next(tmp_path.glob("*.fit"))
    with fits.open(path, mode="update") as hdus:
        truth = hdus[0].header["RA"], hdus[0].header["DEC"]
        for keyword in ("RA", "DEC", "CRVAL1", "CRVAL2", "OBJCTRA", "OBJCTDEC"):
            del hdus[0].header[keyword]
    done = run_command("pp_prepare", "*.fit", cwd=tmp_path, env=environment)
    assert done.returncode == 0 and "search the whole sky for it" in done.stderr
    name = path.with_suffix(".fits").name
    assert read_header(tmp_path / name)["PPNOPOS"] is True
    done = run_command("pp_register", "-offline", "-cat", "TYCHO2", name, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    header = read_header(tmp_path / name)
    assert "PPNOPOS" not in header
    nx, ny = header["NAXIS1"], header["NAXIS2"]
    assert separation_deg(*to_sky(header, [nx / 2], [ny / 2]), *truth)[0] * 60 < 1  # arcmin; the mount knows it as well
    east, north = residuals_arcsec(tmp_path, name)
    assert east.size > 50 and scatter(east) < 1.3 and scatter(north) < 1.3


def test_frames_that_drift_away_from_the_pointing_in_their_headers_are_all_registered(
    tmp_path, shared_data, run_command
):
    environment, proposed = unpack(shared_data / "hatp32", "*.FITS.gz", tmp_path)
    assert 'header.time = "DATE-OBS"' in proposed and "date, time and zone: 2017-12-20 01:33:43 UTC" in proposed
    assert "saturation = 3890" in proposed  # of a converter of 12 bits
    # the proposal does not take `Clear` for a band: V is the user's word
    of_the_user = ("-cat", "TYCHO2", "-catalog", "TYCHO2", "-filter", "V")
    done = run_command("pp_run", "*.FITS", "-offline", *of_the_user, cwd=tmp_path, env=environment)
    assert done.returncode == 3 and "Traceback" not in done.stderr  # the star's name is none of the Solar System's
    good = (tmp_path / "registration_succeeded.lst").read_text().split()
    assert len(good) == 6
    for name in good:
        east, north = residuals_arcsec(tmp_path, name)
        assert east.size >= 30
        assert scatter(east) < 1.0 and scatter(north) < 1.0  # arcsec; pixels of 5.2"
    # local time with its zone: 18:33:43 -0700 is 01:33:43 UTC of the next day, as UT-OBS says
    header = read_header(tmp_path / "HATP-32171220013343.fits")
    assert header["MIDTIMJD"] == pytest.approx(2458107.5650847 + 30 / 86400, abs=1e-6)
    (tmp_path / "star.dat").write_text("HAT-P-32 02:04:10.28 +46:41:16.2\n")
    done = run_command("pp_distill", "-fixedtargets", "star.dat", *good, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    table = text_tables.read(tmp_path / "photometry_HAT-P-32.dat", format="commented_header")
    assert len(table) == len(good)
    # V = 11.3 (Hartman et al. 2011), 11.4 by Tycho-2; an unfiltered camera, tied to few stars of other colours
    assert np.all(np.abs(table["mag"] - 11.35) < 3 * table["sig"])
    assert abs(np.median(table["mag"]) - 11.35) < 0.15
    zeropoints = [framedb.read(tmp_path / name.replace(".fits", ".ldac.db"))[2] for name in good]
    assert all(each["n_matched"] >= 15 for each in zeropoints)  # the bright stars of Tycho-2 alone would be 5 to 18
    assert np.all(separation_deg(table["source_ra"], table["source_dec"], 31.0428, 46.6878) * 3600 < 2)


def test_ensemble_photometry_of_a_transit_host_repeats_to_a_hundredth_of_a_magnitude(
    tmp_path, shared_data, run_command
):
    environment, _ = unpack(shared_data / "hatp32", "*.FITS.gz", tmp_path)
    (tmp_path / "settings" / "photometrypipeline" / "pp_setup.py").write_text("one_solution = True\n")
    (tmp_path / "star.dat").write_text("HAT-P-32 02:04:10.28 +46:41:16.2\n")
    options = ("-cat", "TYCHO2", "-catalog", "TYCHO2", "-filter", "V", "-fixedtargets", "star.dat")
    done = run_command("pp_run", "*.FITS", "-offline", *options, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    names = (tmp_path / "registration_succeeded.lst").read_text().split()
    tables = [framedb.read(tmp_path / name.replace(".fits", ".ldac.db"))[1] for name in names]
    mags, errors = same_stars(tables)
    target = text_tables.read(tmp_path / "photometry_HAT-P-32.dat", format="commented_header")
    ten = np.argsort(np.abs(mags.mean(axis=0) - np.mean(target["mag"])))[1:11]  # the first is the target itself
    scatter_of_ten = mags[:, ten].std(axis=0, ddof=1)
    assert np.median(scatter_of_ten) <= 0.010  # with each frame's own choice of stars: 0.08
    assert np.median(scatter_of_ten / errors[:, ten].mean(axis=0)) < 1.5  # the errors say so
    assert np.std(target["mag"], ddof=1) < 0.025


def same_stars(tables):
    """Return (magnitudes, errors err_frame), shape (n_frames, n_stars), of the stars that are on all frames."""
    first = tables[0]
    rows = [np.arange(len(first))]
    for table in tables[1:]:
        one, other = unique_pairs(first["ra_deg"], first["dec_deg"], table["ra_deg"], table["dec_deg"], 5.0)
        found = np.full(len(first), -1)
        found[one] = other
        rows.append(found)
    everywhere = (np.array(rows) >= 0).all(axis=0)
    columns = ("_Vmag", "err_frame")
    return [
        np.array([np.asarray(table[name])[row[everywhere]] for table, row in zip(tables, rows, strict=True)])
        for name in columns
    ]
