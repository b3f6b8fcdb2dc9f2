"""Frames in the files that cameras and observatories hand out: each goes through pp_run to the same light curve."""

import bz2
import gzip
import lzma
import os

import numpy as np
import pytest
from astropy.io import fits

import sky
from photometrypipeline.base.errors import OK, PARTIAL, USAGE
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import results
from photometrypipeline.frames.intake import Choice, take_in

MASK = {(0, 0): 0.55, (0, 1): 1.0, (1, 0): 1.0, (1, 1): 0.45}  # RGGB: how much of the light each pixel lets through
V = "TOP 2 BOT 1"


def originals(folder, n_frames=2, **knobs):
    """Return (Truth, [(stem, image, header), ...]) of a small data set whose plain frames are gone."""
    truth = sky.make_dataset(folder, n_frames, **knobs)
    frames = []
    for path in truth.paths:
        frames.append((path.stem, fits.getdata(path).astype(float), fits.getheader(path)))
        path.unlink()
    return truth, frames


def check(truth, folder, run_command, *arguments, band, tolerance_mag=0.0, status=OK):
    done = run_command("pp_run", "-injections", 0, *arguments, "-offline", cwd=folder)
    assert done.returncode == status, done.stderr + done.stdout
    rows = [line.row for line in results.read(folder / "photometry_3552.dat")[0]]
    assert [row.accepted for row in rows] == [True, True]
    assert {row.band for row in rows} == {band}
    for row, mag in zip(rows, truth.mag, strict=True):
        assert row.mag == pytest.approx(mag, abs=4 * row.sig + tolerance_mag)
        assert row.sig < 0.1
    return done


def test_tiles_with_a_mask_of_bad_pixels_as_lco_has_them(tmp_path, run_command):
    truth, frames = originals(tmp_path)
    for stem, image, header in frames:
        science = fits.CompImageHDU(image.astype(np.uint16), name="SCI")
        quality = fits.CompImageHDU((image > 50000).astype(np.uint8), name="BPM")
        fits.HDUList([fits.PrimaryHDU(header=header), science, quality]).writeto(tmp_path / f"{stem}.fits.fz")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.fz")}
    check(truth, tmp_path, run_command, *sorted(before), band="R")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.fz")} == before
    again = run_command("pp_run", "-injections", 0, *sorted(before), "-offline", cwd=tmp_path)
    assert again.returncode == OK and "up to date: prepare, register, photometry, calibrate, distill" in again.stdout


def test_four_amplifiers_of_one_chip_with_gains_and_overscans_of_their_own(tmp_path, run_command):
    truth, frames = originals(tmp_path)
    rng = np.random.default_rng(8)
    for stem, image, header in frames:
        hdus, half = [fits.PrimaryHDU(header=header)], image.shape[0] // 2
        for number, (y, x, gain) in enumerate([(0, 0, 1.0), (0, 1, 1.3), (1, 0, 0.8), (1, 1, 1.1)]):
            part = image[y * half : (y + 1) * half, x * half : (x + 1) * half] / gain
            level = 900.0 + 50 * number
            overscan = level + rng.normal(0, 2.0, (half, 32))
            columns = (x * half + 1, (x + 1) * half)
            if x == 1:  # read out towards the other side
                part, columns = part[:, ::-1], columns[::-1]
            hdu = fits.ImageHDU(np.round(np.hstack([part + level, overscan])).astype(np.int32), name=f"IM{number + 1}")
            hdu.header["DATASEC"], hdu.header["BIASSEC"] = f"[1:{half},1:{half}]", f"[{half + 1}:{half + 32},1:{half}]"
            hdu.header["DETSEC"] = f"[{columns[0]}:{columns[1]},{y * half + 1}:{(y + 1) * half}]"
            hdu.header["GAIN"] = gain
            hdus.append(hdu)
        fits.HDUList(hdus).writeto(tmp_path / f"{stem}.fits")
    check(truth, tmp_path, run_command, *[f"{stem}.fits" for stem, _, _ in frames], band="R")
    assert fits.getdata(tmp_path / f"{frames[0][0]}_chip.fits").shape == frames[0][1].shape


def test_a_colour_camera_is_measured_in_its_green_pixels(tmp_path, run_command):
    truth, frames = originals(tmp_path, filters=V)
    for stem, image, header in frames:
        for (row, column), share in MASK.items():
            image[row::2, column::2] *= share
        header["BAYERPAT"] = "RGGB"
        fits.PrimaryHDU(np.round(image).astype(np.uint16), header).writeto(tmp_path / f"{stem}.fits")
    done = check(truth, tmp_path, run_command, *[f"{stem}.fits" for stem, _, _ in frames], band="V", tolerance_mag=0.01)
    green = fits.getheader(tmp_path / f"{frames[0][0]}_green.fits")
    assert green["SECPIX"] == pytest.approx(0.75) and green["FILTER"] == "TG"
    assert "2 images made from 2 files" in done.stdout


@pytest.mark.parametrize(
    ("cards", "masked", "name", "says"),
    [
        ({"INSTRUME": "ZWO ASI294MC Pro"}, True, "a_green.fits", "does not tell the mask of colours"),
        ({"INSTRUME": "ZWO ASI294MC Pro"}, False, "a.fits", ""),  # binned, or one colour already
        ({"INSTRUME": "ZWO ASI294MM Pro"}, True, "a.fits", ""),  # every second column is brighter, by the read-out
        ({"BAYERPAT": "XTRANS"}, True, "a.fits", "that is not known (XTRANS)"),
        ({"BAYERPAT": "RGGB"}, True, "a_green.fits", ""),
    ],
    ids=str,
)
def test_a_mask_that_the_header_does_not_tell(cards, masked, name, says, tmp_path, caplog):
    image = np.full((200, 300), 1000.0)
    for (row, column), share in MASK.items() if masked else ():
        image[row::2, column::2] *= share
    image = np.random.default_rng(3).poisson(image).astype(np.uint16)
    fits.PrimaryHDU(image, fits.Header(cards)).writeto(tmp_path / "a.fits")
    assert take_in([str(tmp_path / "a.fits")], Choice(), None) == [str(tmp_path / name)]
    assert says in caplog.text and bool(says) == bool(caplog.text)
    if name != "a.fits":
        assert np.mean(fits.getdata(tmp_path / name)) == pytest.approx(1000, rel=0.002)


def test_three_planes_are_colours_where_a_program_that_writes_such_says_so(tmp_path):
    image = np.random.default_rng(2).normal(500, 10, (3, 30, 40)) + np.array([0.0, 1000.0, 2000.0])[:, None, None]
    header = fits.Header([("CREATOR", "ZWO Seestar S50"), ("CTYPE3", "RGB"), ("EXPTIME", 10.0)])
    for name, cards in (("colour", header), ("video", fits.Header([("EXPTIME", 0.02)]))):
        fits.PrimaryHDU(image.astype(np.uint16), cards).writeto(tmp_path / f"{name}.fits")
    names = [str(tmp_path / f"{name}.fits") for name in ("colour", "video")]
    assert take_in(names, Choice(colour="none"), None) == names
    green, video = take_in(names, Choice(), None)
    assert video == names[1]  # and its planes are told to be a cube
    assert green == str(tmp_path / "colour_green.fits")
    assert np.median(fits.getdata(green)) == pytest.approx(1500, abs=5)
    made = fits.getheader(green)
    assert made["NAXIS"] == 2 and "CTYPE3" not in made and made["PPCOLOR"] == "TG"
    (blue,) = take_in(names[:1], Choice(colour="blue"), None)
    assert np.median(fits.getdata(blue)) == pytest.approx(2500, abs=5)


def test_gzip_and_bzip2_next_to_a_damaged_file(tmp_path, run_command):
    truth, frames = originals(tmp_path)
    for (stem, image, header), pack, ending in zip(frames, (gzip, bz2), ("fits.gz", "fit.bz2"), strict=True):
        fits.PrimaryHDU(image.astype(np.uint16), header).writeto(tmp_path / "plain.fits")
        (tmp_path / f"{stem}.{ending}").write_bytes(pack.compress((tmp_path / "plain.fits").read_bytes()))
        (tmp_path / "plain.fits").unlink()
    names = sorted(path.name for path in tmp_path.glob("*.*z*"))
    (tmp_path / "zz.fits.gz").write_bytes(b"\x1f\x8bnothing")
    done = check(truth, tmp_path, run_command, *names, "zz.fits.gz", band="R", status=PARTIAL)
    assert "zz.fits.gz: cannot be unpacked" in done.stderr


def test_xz_is_unpacked_next_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.arange(600, dtype=np.uint16).reshape(20, 30)
    fits.PrimaryHDU(image).writeto("plain.fits")
    (tmp_path / "a.fits.xz").write_bytes(lzma.compress((tmp_path / "plain.fits").read_bytes()))
    assert take_in(["a.fits.xz"], Choice(), None) == ["a.fits"]
    assert np.array_equal(fits.getdata("a.fits"), image)


def test_several_chips_want_a_word(tmp_path, run_command):
    _, frames = originals(tmp_path)
    stem, image, header = frames[0]
    chips = [fits.ImageHDU(image.astype(np.uint16), name=f"CCD{number}") for number in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(header=header), *chips]).writeto(tmp_path / f"{stem}.fits")
    done = run_command("pp_prepare", f"{stem}.fits", cwd=tmp_path)
    assert done.returncode == USAGE
    assert "holds 2 images (CCD1, CCD2); take one with -ext NAME, or all of them apart with -split" in done.stderr
    assert run_command("pp_prepare", "-ext", "ccd2", f"{stem}.fits", cwd=tmp_path).returncode == OK
    assert run_command("pp_prepare", "-split", f"{stem}.fits", cwd=tmp_path).returncode == OK
    made = {path.name for path in tmp_path.glob("*_*.fits")}
    assert made == {f"{stem}_extccd2.fits", f"{stem}_chipCCD1.fits", f"{stem}_chipCCD2.fits"}


def test_a_file_in_the_way_is_never_overwritten(tmp_path, run_command):
    _, frames = originals(tmp_path)
    (_, image, header), (_, other, _) = frames
    fits.PrimaryHDU(other.astype(np.uint16), header).writeto(tmp_path / "a.fits")
    fits.PrimaryHDU(image.astype(np.uint16), header).writeto(tmp_path / "b.fits")
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress((tmp_path / "b.fits").read_bytes()))
    before = (tmp_path / "a.fits").read_bytes()
    done = run_command("pp_prepare", "a.fits.gz", cwd=tmp_path)
    assert done.returncode == USAGE and "would become a.fits, which exists already" in done.stderr
    assert (tmp_path / "a.fits").read_bytes() == before


def in_many_formats(folder, image, header):
    """Write the same picture in all ways in which files hold one."""
    whole, counts = image.astype(np.int64), image.astype(np.uint16)
    bordered = image.astype(np.float32)
    bordered[:, :8] = np.nan
    scaled = fits.PrimaryHDU(((whole - 1000) * 2).astype(np.int32), header)
    scaled.header["BSCALE"], scaled.header["BZERO"] = 0.5, 1000.0
    images = {
        "counts.fits": fits.PrimaryHDU(counts, header),
        "single.FIT": fits.PrimaryHDU(image.astype(np.float32), header),
        "double.fts": fits.PrimaryHDU(image.astype(np.float64), header),
        "long.fits": fits.PrimaryHDU(whole, header),
        "fractions.fits": fits.PrimaryHDU((image / 65535).astype(np.float32), header),
        "cube.fits": fits.PrimaryHDU(counts[None], header),
        "scaled.fits": scaled,
        "bordered.fits": fits.PrimaryHDU(bordered, header),
        "tiles.fits.fz": [fits.PrimaryHDU(), fits.CompImageHDU(counts, header)],
        "extension.fits": [fits.PrimaryHDU(header=header), fits.ImageHDU(counts, name="SCI")],
    }
    for name, hdus in images.items():
        (fits.HDUList(hdus) if isinstance(hdus, list) else hdus).writeto(folder / name)
    plain = (folder / "counts.fits").read_bytes()
    (folder / "zipped.fits.gz").write_bytes(gzip.compress(plain))
    (folder / "junk behind \xe9.fits").write_bytes(plain + b"junk" * 99)
    return [*images, "zipped.fits.gz", "junk behind \xe9.fits"]


def test_one_picture_in_many_formats_has_one_magnitude_time_and_place(tmp_path, run_command):
    camera = {"INSTRUME": "CAMX", "TELESCOP": None, "FILTER": "R", "SECPIX": 0.375, "EGAIN": 2.0}
    site = {"SITELAT": 32.70, "SITELONG": -109.89}  # G83 is there
    truth, [(_, image, header)] = originals(tmp_path, 1, n_stars=60, size=(480, 480), header=camera | site)
    ephemeris.store_rows(tmp_path / "pp_store", "3552", "G83", truth.ephemeris())
    names = in_many_formats(tmp_path, image, header)
    done = run_command("pp_run", "-injections", 0, *names, "-offline", cwd=tmp_path)
    assert done.returncode == OK, done.stderr
    assert done.stderr.count("no known telescope") == 1
    rows = [line.row for line in results.read(tmp_path / "photometry_3552.dat")[0]]
    assert len(rows) == len(names) and all(row.accepted for row in rows)
    first = rows[0]
    assert first.mag == pytest.approx(truth.mag[0], abs=4 * first.sig)
    for row in rows:
        assert row.mag == pytest.approx(first.mag, abs=1e-3)
        assert row.sig == pytest.approx(first.sig, rel=0.05)
        assert row.jd == first.jd
        assert np.hypot(row.ra_deg - first.ra_deg, row.dec_deg - first.dec_deg) < 0.01 / 3600
    for path in [
        *(tmp_path / f"{name}.fits" for name in ("counts", "fractions", "tiles", "double")),
        tmp_path / "single.fits",
        tmp_path / "zipped.fits",
    ]:
        assert fits.getheader(path)["MIDTIMJD"] == pytest.approx(truth.midtime_jd[0], abs=1e-3 / 86400)
    stored = fits.getdata(tmp_path / "long.fits")
    assert stored.dtype.itemsize == 4 and np.array_equal(stored, image)


def test_names_that_mean_something_to_programs_or_are_no_text(tmp_path, run_command):
    truth, frames = originals(tmp_path)
    for (_, image, header), name in zip(frames, (b"im[1] &;'.fits", b"caf\xe9.fits"), strict=True):
        fits.PrimaryHDU(image.astype(np.uint16), header).writeto(tmp_path / "plain.fits")
        os.rename(tmp_path / "plain.fits", os.path.join(os.fsencode(tmp_path), name))
    check(truth, tmp_path, run_command, "caf*.fits", "im*.fits", band="R")
    assert os.path.exists(os.path.join(os.fsencode(tmp_path), b"caf\xe9.fits"))
