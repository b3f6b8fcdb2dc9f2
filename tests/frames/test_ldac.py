"""Source lists: read as Source Extractor writes them, written as SCAMP reads them."""

import errno
import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import ldac


def sources(n=50):
    rng = np.random.default_rng(1)
    header = fits.Header([("SIMPLE", True), ("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", 500), ("NAXIS2", 500)])
    for key, value in {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 5.0}.items():
        header[key] = value
    for key, value in {
        "CRPIX1": 250.0,
        "CRPIX2": 250.0,
        "CD1_1": -1e-4,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 1e-4,
    }.items():
        header[key] = value
    header["TEL_KEYW"] = "VATT4K"
    x, y = rng.uniform(10, 490, (2, n))
    flux = rng.uniform(1e3, 1e5, n)
    columns = {
        "XWIN_IMAGE": x, "YWIN_IMAGE": y, "XWIN_WORLD": 10 - (x - 250) * 1e-4, "YWIN_WORLD": 5 + (y - 250) * 1e-4,
        "ERRAWIN_IMAGE": np.full(n, 0.01, "f4"), "ERRBWIN_IMAGE": np.full(n, 0.01, "f4"),
        "ERRTHETAWIN_IMAGE": np.zeros(n, "f4"), "FLUX_ISOCOR": flux.astype("f4"),
        "FLUXERR_ISOCOR": np.sqrt(flux).astype("f4"), "FLAGS": (np.arange(n) % 8).astype("i2"),
        "FLUX_APER": np.ones((n, 20), "f4"),
    }  # fmt: skip
    return ldac.SourceList(header, Table(columns))


def test_a_list_comes_back_as_it_was(tmp_path):
    ldac.write(tmp_path / "a.ldac", sources())
    found = ldac.read(tmp_path / "a.ldac")
    assert found.header["TEL_KEYW"] == "VATT4K" and found.header["CD1_1"] == -1e-4
    for name in sources().table.colnames:
        np.testing.assert_array_equal(found.table[name], sources().table[name])
        assert found.table[name].dtype == sources().table[name].dtype


def test_an_independent_reader_finds_the_same(tmp_path):
    for listed in (sources(), sources().select(np.zeros(50, dtype=bool))):
        listed.table.meta = {"FLUX_APER": ("count", "G12.7")}
        ldac.write(tmp_path / "a.ldac", listed)
        with fits.open(tmp_path / "a.ldac") as hdus:
            hdus.verify("exception")
            assert hdus[2].columns["FLUX_APER"].unit == "count" and hdus[2].columns["FLUX_APER"].disp == "G12.7"
            for name in listed.table.colnames:
                np.testing.assert_array_equal(hdus[2].data[name], listed.table[name])
        assert len(ldac.read(tmp_path / "a.ldac")) == len(listed)


def test_layout_is_that_of_source_extractor(tmp_path):
    ldac.write(tmp_path / "a.ldac", sources())
    with fits.open(tmp_path / "a.ldac") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LDAC_IMHEAD", "LDAC_OBJECTS"]
        assert hdus[1].columns.names == ["Field Header Card"]
        length = int(hdus[1].header["TFORM1"].rstrip("A"))
        assert length % 80 == 0 and hdus[1].header["TDIM1"] == f"(80, {length // 80})"
        assert dict(zip(hdus[2].columns.names, hdus[2].columns.formats, strict=True))["FLUX_APER"] == "20E"


@pytest.mark.skipif(shutil.which("scamp") is None, reason="needs scamp")
def test_scamp_reads_what_is_written(tmp_path):
    """It crashes where the header text does not end as it expects."""
    ldac.write(tmp_path / "a.ldac", sources())
    argv = [
        "scamp",
        "a.ldac",
        "-ASTREF_CATALOG",
        "NONE",
        "-MATCH",
        "N",
        "-SOLVE_PHOTOM",
        "N",
        "-CHECKPLOT_TYPE",
        "NONE",
    ]
    argv += ["-CENTROID_KEYS", "XWIN_IMAGE,YWIN_IMAGE", "-CENTROIDERR_KEYS"]
    argv += ["ERRAWIN_IMAGE,ERRBWIN_IMAGE,ERRTHETAWIN_IMAGE", "-DISTORT_KEYS", "XWIN_IMAGE,YWIN_IMAGE"]
    argv += [
        "-PHOTFLUX_KEY",
        "FLUX_ISOCOR",
        "-PHOTFLUXERR_KEY",
        "FLUXERR_ISOCOR",
        "-SOLVE_ASTROM",
        "N",
        "-WRITE_XML",
        "N",
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "50 detections loaded" in done.stdout + done.stderr


def test_flags_and_right_ascension(tmp_path):
    listed = sources()
    listed.table["XWIN_WORLD"][0] = -0.25
    ldac.write(tmp_path / "a.ldac", listed)
    assert len(ldac.read(tmp_path / "a.ldac", max_flags=3)) == int(np.sum(np.arange(50) % 8 <= 3))
    assert ldac.read(tmp_path / "a.ldac").ra_deg[0] == pytest.approx(359.75)


@pytest.mark.parametrize("content", [None, b"", b"no list", b"SIMPLE  =                    T"])
def test_what_is_no_list_is_named(tmp_path, content):
    path = tmp_path / "bad.ldac"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FrameError, match=r"bad\.ldac"):
        ldac.read(path)


def test_damaged_places_are_left_out_and_a_ruined_list_is_refused(tmp_path, caplog):
    listed = sources()
    listed.table["XWIN_WORLD"][3] = np.nan
    listed.table["YWIN_IMAGE"][7] = 1e300
    ldac.write(tmp_path / "a.ldac", listed)
    with caplog.at_level("WARNING", "pp"):
        assert len(ldac.read(tmp_path / "a.ldac")) == 48
    assert "2 of 50 sources have no place" in caplog.text
    listed.table["XWIN_WORLD"][:10] = np.inf
    ldac.write(tmp_path / "a.ldac", listed)
    with pytest.raises(FrameError, match="of its 50 sources have no place"):
        ldac.read(tmp_path / "a.ldac")


def test_a_list_that_the_system_does_not_hand_over_may_be_good(tmp_path, monkeypatch):
    ldac.write(tmp_path / "a.ldac", sources())

    def refused(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(ldac, "_hdus", refused)
    with pytest.raises(FrameError, match="too many open files; see to that") as caught:
        ldac.read(tmp_path / "a.ldac")
    assert caught.value.passing


def test_some_rows_and_renamed_columns_of_a_list_leave_it_as_it_was(tmp_path):
    ldac.write(tmp_path / "a.ldac", sources())
    listed = ldac.read(tmp_path / "a.ldac")
    some, other = listed.select(np.arange(50) > 40), listed.table.copy()
    some.table["FLAGS"] = some.table["FLAGS"] + 1
    other.rename_columns(["XWIN_IMAGE"], ["x"])
    other["new"] = np.zeros(50)
    assert len(some) == 9 and other.colnames == ["x", *listed.table.colnames[1:], "new"]
    assert listed.table.colnames == sources().table.colnames and listed.table[7]["FLAGS"] == 7
    assert all(np.array_equal(listed.table[name], sources().table[name]) for name in listed.table.colnames)
