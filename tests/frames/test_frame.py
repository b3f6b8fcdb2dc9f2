"""One image: its pixels never change, its header changes as a whole or not at all, and broken files say so."""

import os

import numpy as np
import pytest
from astropy.io import fits

import damage
from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import frame as frames
from photometrypipeline.frames.frame import Frame, is_blank, keep_first, set_keyword
from photometrypipeline.frames.hdus import flatten

pytestmark = pytest.mark.filterwarnings("ignore:The following header keyword is invalid")
COUNTS = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000  # up to 55000: beyond what int16 holds


def write_image(path, data=COUNTS, *others, **keywords):
    hdu = fits.PrimaryHDU(data)
    hdu.header.update(keywords)
    fits.HDUList([hdu, *others]).writeto(path)
    return path


def extension(data, **keywords):
    hdu = fits.ImageHDU(data)
    hdu.header.update(keywords)
    return hdu


def insert_card(path, card):
    """Put `card` (bytes) into a header as it stands, in front of END, as no library would write it."""
    content = path.read_bytes()
    end = content.index(b"END" + b" " * 77)
    assert content[end + 80 : end + 160] == b" " * 80  # there is room for it
    path.write_bytes(content[:end] + card.ljust(80) + content[end : end + 80] + content[end + 160 :])


def header_size(path):
    content = path.read_bytes()
    end = next(start for start in range(0, len(content), 80) if content[start : start + 80] == b"END".ljust(80))
    return (end // 2880 + 1) * 2880


def pixels(path):
    """All that stands behind the primary header, as bytes."""
    return path.read_bytes()[header_size(path) :]


def cards(path):
    content = path.read_bytes()
    return [content[start : start + 80] for start in range(0, header_size(path), 80)]


# ---- names


def test_names_of_the_files_beside_an_image(tmp_path):
    frame = Frame(tmp_path / "a.fitted_01.fits")
    assert (frame.name, frame.stem) == ("a.fitted_01.fits", "a.fitted_01")
    assert frame.ldac == tmp_path / "a.fitted_01.ldac"
    assert frame.database == tmp_path / "a.fitted_01.ldac.db"


# ---- writing the header


@pytest.mark.parametrize(
    "data",
    [
        COUNTS,  # stored as int16 with BZERO 32768
        COUNTS.astype(np.int16),
        COUNTS.astype(np.int32),
        COUNTS.astype(np.uint8),
        np.array([[1.5, np.nan], [np.inf, -0.0]], dtype=np.float32),
        COUNTS.astype(np.float64),
    ],
    ids=["uint16", "int16", "int32", "uint8", "float32", "float64"],
)
def test_pixel_bytes_are_the_same_after_the_header_was_written(tmp_path, data):
    path = write_image(tmp_path / "a.fits", data)
    before = pixels(path)
    frame = Frame(path)
    for number in range(60):  # the header grows by a block
        set_keyword(frame.header, f"KEY{number}", number, "a number")
    frame.save()
    assert pixels(path) == before
    assert fits.getheader(path)["KEY59"] == 59
    np.testing.assert_array_equal(fits.getdata(path), data)


def test_scaled_integers_stay_scaled_integers(tmp_path):
    hdu = fits.PrimaryHDU(np.array([[1.0, 2.0], [3.0, 1000.0]], dtype=np.float32))
    hdu.scale("int16", bscale=0.5, bzero=100)
    hdu.writeto(tmp_path / "a.fits")
    before = pixels(tmp_path / "a.fits")
    frame = Frame(tmp_path / "a.fits")
    frame.header["OBJECT"] = "3552"
    frame.save()
    assert pixels(tmp_path / "a.fits") == before
    assert fits.getheader(tmp_path / "a.fits")["BSCALE"] == 0.5
    np.testing.assert_allclose(fits.getdata(tmp_path / "a.fits"), [[1, 2], [3, 1000]])


def test_extensions_are_copied_byte_for_byte(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])])
    path = write_image(tmp_path / "a.fits", COUNTS, table)
    before = pixels(path)
    frame = Frame(path)
    frame.header["OBJECT"] = "3552"
    frame.save()
    assert pixels(path) == before
    assert fits.getdata(path, 1)["a"].tolist() == [1, 2]


def test_crash_in_the_middle_of_the_write_leaves_the_image(tmp_path, monkeypatch):
    path = write_image(tmp_path / "a.fits")
    before = path.read_bytes()
    frame = Frame(path)
    frame.header["OBJECT"] = "3552"

    def crash(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(frames.shutil, "copyfileobj", crash)
    with pytest.raises(OSError, match="no space"):
        frame.save()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.fits"]


BROKEN = [
    b"PARAM0  = 1.2.3 / firmware",  # SOAR's Goodman spectrograph
    b"PARAM61 = 3,4E5 / a decimal comma",
    b"param62 = 'small letters'",
    b"OBSERVER= 'O'Brien '           / a quote inside",
    b"COMMENT1 without an equal sign",
    b"SITE    = 'Observat\xf3rio do Pico' / Latin-1",
]


@pytest.mark.parametrize("card", BROKEN, ids=lambda card: card[:8].decode().strip())
def test_cards_that_break_the_standard_are_kept_as_they_are(tmp_path, card):
    path = write_image(tmp_path / "a.fits", OBJECT="3552")
    insert_card(path, card)
    frame = Frame(path)
    frame.header["OBJECT"] = "433"
    frame.header["FILTER"] = "V"
    frame.save()
    assert card.ljust(80) in cards(path)
    assert Frame(path).header["OBJECT"] == "433"
    assert pixels(path) == pixels(write_image(tmp_path / "b.fits"))
    size = path.stat().st_size
    Frame(path).save()  # and once more
    assert card.ljust(80) in cards(path)
    assert path.stat().st_size == size


def test_strict_cards_are_not_disturbed_by_long_strings(tmp_path):
    path = write_image(tmp_path / "a.fits", HISTORY="x", LONG="a long text;" * 12, OBJECT="3552", FILTER="V")
    before = [card for card in cards(path) if card.strip() and not card.startswith(b"END")]
    insert_card(path, b"PARAM0  = 1.2.3 / firmware")
    frame = Frame(path)
    frame.header["EXPTIME"] = 30.0
    frame.save()
    after = cards(path)
    assert after[: len(before)] == before
    assert after[len(before)] == b"PARAM0  = 1.2.3 / firmware".ljust(80)
    assert Frame(path).header["LONG"] == "a long text;" * 12
    assert [Frame(path).header[key] for key in ("OBJECT", "FILTER", "EXPTIME")] == ["3552", "V", 30.0]


def test_broken_card_that_was_changed_is_written_anew(tmp_path):
    path = write_image(tmp_path / "a.fits")
    insert_card(path, b"AIRMASS = 1.2.3 / two points")
    frame = Frame(path)
    frame.header["AIRMASS"] = 1.5
    frame.save()
    assert fits.getheader(path)["AIRMASS"] == 1.5
    assert not any(b"1.2.3" in card for card in cards(path))


def test_header_of_an_image_in_an_extension_is_not_written_in_front_of_nothing(tmp_path):
    path = write_image(tmp_path / "a.fits", None, extension(COUNTS), MIDTIMJD=2457786.95)
    before = path.read_bytes()
    frame = Frame(path)
    assert frame.size_px == (4, 3)
    with pytest.raises(FrameError, match="image in an extension; run pp_prepare first"):
        frame.save()
    assert path.read_bytes() == before


def test_checksum_of_the_old_header_does_not_survive_it(tmp_path):
    hdu = fits.PrimaryHDU(COUNTS)
    hdu.writeto(tmp_path / "a.fits", checksum=True)
    frame = Frame(tmp_path / "a.fits")
    frame.header["OBJECT"] = "3552"
    frame.save()
    fits.open(tmp_path / "a.fits", checksum=True).close()  # a wrong one is a warning, here an error
    assert "DATASUM" in fits.getheader(tmp_path / "a.fits")


# ---- keywords


@pytest.mark.parametrize("value", [2457786.95663722, "F", "V" * 30, "x" * 68, "x" * 100, True, 12, "O'Brien"])
def test_comment_names_the_pipeline_and_never_breaks_a_card(value, recwarn):
    header = fits.Header()
    set_keyword(header, "KEYWORD", value, "what it is good for, in more words than a card has room for, by far")
    text = header.tostring()
    assert fits.Header.fromstring(text)["KEYWORD"] == value
    assert not recwarn.list
    if len(str(value)) <= 30:
        assert header.comments["KEYWORD"].startswith("PP: what it is")


def test_text_of_a_user_becomes_printable_ascii():
    header = fits.Header()
    set_keyword(header, "OBJECT", "2867 Šteins\n(1969 VC)", "target")
    assert header["OBJECT"] == "2867 Steins (1969 VC)"


def test_first_old_value_survives_every_further_run():
    header = fits.Header({"OBJECT": "flat", "CRVAL1": 12.5})
    for target in ("3552", "433"):
        keep_first(header, "OBJECT")
        set_keyword(header, "OBJECT", target, "target")
    assert header["_OBJECT"] == "flat"
    assert header["OBJECT"] == "433"
    keep_first(header, "CRVAL1")
    assert header["_CRVAL1"] == 12.5
    keep_first(header, "NOTTHERE")
    assert "_NOTTHER" not in header


def test_numbers_in_headers_may_be_text_but_must_be_there(tmp_path):
    path = write_image(tmp_path / "a.fits", APRAD="4.5", BAD="x")
    frame = Frame(path)
    assert frame.number("APRAD") == 4.5
    assert frame.size_px == (4, 3)
    with pytest.raises(FrameError, match=r"a\.fits: BAD = 'x' is not a number"):
        frame.number("BAD")
    with pytest.raises(FrameError, match=r"a\.fits: has no MIDTIMJD in its header; run pp_prepare first"):
        frame.number("MIDTIMJD")


# ---- files that are no images


def refused(path):
    with pytest.raises(FrameError) as caught:
        _ = Frame(path).header
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_missing_file(tmp_path):
    assert "does not exist" in refused(tmp_path / "a.fits")


def test_a_name_that_leaves_no_room_for_those_of_its_files(tmp_path):
    with pytest.raises(FrameError, match="too long for those of its files .243 bytes before .fits at most.; rename it"):
        _ = Frame(tmp_path / f"{'y' * 244}.fits").header
    with pytest.raises(FrameError, match="does not exist"):
        _ = Frame(tmp_path / f"{'y' * 243}.fits").header


def test_empty_file(tmp_path):
    (tmp_path / "a.fits").touch()
    assert "is empty" in refused(tmp_path / "a.fits")


def test_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "a.fits").mkdir()
    refused(tmp_path / "a.fits")


@pytest.mark.parametrize("content", [b"GIF89a and so on", b"\xff" * 6000, b"SIMPLE, isn't it?" * 400])
def test_other_files(tmp_path, content):
    (tmp_path / "a.fits").write_bytes(content)
    assert "is not a FITS file" in refused(tmp_path / "a.fits")


@pytest.mark.parametrize("length", [40, 2000, 2880 + 5])
def test_file_cut_short(tmp_path, length):
    path = write_image(tmp_path / "a.fits")
    path.write_bytes(path.read_bytes()[:length])
    message = refused(path)
    assert "truncated" in message and "copy it again" in message


def test_missing_bytes_are_counted(tmp_path):
    path = write_image(tmp_path / "a.fits", np.zeros((100, 100), dtype=np.float32))
    path.write_bytes(path.read_bytes()[: 2880 + 30000])
    assert "10000 bytes of the image are missing" in refused(path)


def test_file_without_the_padding_at_its_end_is_complete(tmp_path):
    path = write_image(tmp_path / "a.fits")
    path.write_bytes(path.read_bytes()[: 2880 + COUNTS.nbytes])
    assert Frame(path).size_px == (4, 3)


@pytest.mark.parametrize("name", ["a.fits.gz", "a.fits.fz", "a.fits.bz2"])
def test_compressed_files_say_how_to_unpack_them(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x1f\x8b")
    assert "unpack" in refused(tmp_path / name)


@pytest.mark.parametrize(("old", "new"), [(b"NAXIS2  ", b"NAXISX  "), (b"BITPIX  ", b"BITS    "), (b"16", b"xx")])
def test_header_without_the_size_of_its_image(tmp_path, old, new):
    path = write_image(tmp_path / "a.fits")
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    refused(path)


# ---- frames without a value


def test_frame_of_nan_is_blank_and_one_value_is_enough(tmp_path):
    data = np.full((30, 20), np.nan, dtype=np.float32)
    path = write_image(tmp_path / "a.fits", data)
    assert is_blank(path, Frame(path).header)
    data[29, 19] = 0.0
    path = write_image(tmp_path / "b.fits", data)
    assert not is_blank(path, Frame(path).header)
    path = write_image(tmp_path / "c.fits", np.zeros((3, 3), dtype=np.int16))
    assert not is_blank(path, Frame(path).header)


@pytest.mark.parametrize("card", ["BSCALE  = 'x'", "BZERO   = 'x'", "BSCALE  = 0.0", "BSCALE  = T"])
def test_a_scaling_of_the_pixels_that_cannot_be_is_refused(card, tmp_path):
    damage.write_frame(tmp_path / "a.fits", [*damage.cards_of(damage.KNOWN), card])
    with pytest.raises(FrameError, match="is impossible"):
        Frame(tmp_path / "a.fits").number("NAXIS")


@pytest.mark.parametrize("keywords", [{"BLANK": -32768}, {"BSCALE": 2.0, "BZERO": 1.0}])
def test_floats_with_keywords_of_scaling_can_be_looked_at(tmp_path, keywords):
    path = write_image(tmp_path / "a.fits", np.full((4, 4), 7, dtype=np.float32))
    for keyword, value in keywords.items():
        insert_card(path, f"{keyword:8s}= {value:>20}".encode())
    assert not is_blank(path, Frame(path).header)


# ---- cropping


def test_crop_keeps_the_inner_pixels_and_their_type(tmp_path):
    data = np.arange(60, dtype=np.uint16).reshape(6, 10) * 1000
    path = write_image(tmp_path / "a.fits", data, fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[7])]))
    insert_card(path, b"PARAM0  = 1.2.3 / firmware")
    frame = Frame(path)
    frame.header["PPCROP"] = 2
    frame.save_cropped(2)
    np.testing.assert_array_equal(fits.getdata(path), data[2:-2, 2:-2])
    assert fits.getdata(path).dtype == np.uint16
    assert frame.size_px == (6, 2)
    assert frame.header["PPCROP"] == 2
    assert b"PARAM0  = 1.2.3 / firmware".ljust(80) in cards(path)
    assert fits.getdata(path, 1)["a"].tolist() == [7]
    assert path.stat().st_size % 2880 == 0


# ---- flattening


def test_flat_image_is_left_alone(tmp_path):
    path = write_image(tmp_path / "a.fits", COUNTS, OBJECT="3552")
    before = path.read_bytes()
    assert not flatten(path)
    assert path.read_bytes() == before


def test_image_in_an_extension_moves_to_the_front(tmp_path):
    path = write_image(tmp_path / "a.fits", None, extension(COUNTS, GAIN=2.1, OBJECT="other"), OBJECT="3552")
    insert_card(path, b"PARAM0  = 1.2.3 / firmware")
    assert flatten(path)
    with fits.open(path) as hdus:
        assert len(hdus) == 1
        np.testing.assert_array_equal(hdus[0].data, COUNTS)
        assert hdus[0].data.dtype == np.uint16
        assert hdus[0].header["GAIN"] == 2.1
        assert hdus[0].header["OBJECT"] == "3552"  # the primary header wins
        assert not any(hdus[0].header[key] is None for key in ("BITPIX", "NAXIS1"))
    assert b"PARAM0  = 1.2.3 / firmware".ljust(80) in cards(path)
    assert not flatten(path)


def test_sums_of_the_parts_do_not_survive_in_the_whole(tmp_path):
    fits.HDUList([fits.PrimaryHDU(), extension(COUNTS)]).writeto(tmp_path / "a.fits", checksum=True)
    assert flatten(tmp_path / "a.fits")
    fits.open(tmp_path / "a.fits", checksum=True).close()


def test_keywords_appear_once(tmp_path):
    path = write_image(tmp_path / "a.fits", COUNTS, extension(None, GAIN=2.1, OBJECT="other"), OBJECT="3552")
    assert flatten(path)
    names = [card[:8].strip() for card in cards(path) if card.strip()]
    assert len(names) == len(set(names))
    assert fits.getheader(path)["GAIN"] == 2.1


@pytest.mark.parametrize("shape", [(1, 3, 4), (1, 1, 3, 4)])
def test_axes_of_length_one_are_squeezed(tmp_path, shape):
    path = write_image(tmp_path / "a.fits", COUNTS.reshape(shape), OBJECT="3552")
    assert flatten(path)
    np.testing.assert_array_equal(fits.getdata(path), COUNTS)
    assert Frame(path).header["OBJECT"] == "3552"
    assert "NAXIS3" not in Frame(path).header


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 1, 4), (2, 1, 3, 4)])
def test_true_cubes_are_refused(tmp_path, shape):
    path = write_image(tmp_path / "a.fits", np.zeros(shape, dtype=np.int16))
    before = path.read_bytes()
    with pytest.raises(FrameError, match="cube.*one file per plane"):
        flatten(path)
    assert path.read_bytes() == before


def test_several_images_are_refused(tmp_path):
    path = write_image(tmp_path / "a.fits", None, extension(COUNTS), extension(COUNTS))
    with pytest.raises(FrameError, match="contains 2 images; take one with -ext NAME"):
        flatten(path)


def test_file_without_an_image_is_refused(tmp_path):
    path = write_image(tmp_path / "a.fits", None)
    with pytest.raises(FrameError, match="contains no image"):
        flatten(path)


def test_tables_and_spectra_in_further_extensions_stay(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])])
    bias = extension(np.arange(5, dtype=np.int16), EXTNAME="BIAS", NEWKEY=1)
    path = write_image(tmp_path / "a.fits", None, extension(COUNTS), table, bias)
    assert flatten(path)
    with fits.open(path) as hdus:
        assert hdus[1].data["a"].tolist() == [1, 2]
        assert hdus["BIAS"].data.tolist() == [0, 1, 2, 3, 4]
        assert "NEWKEY" not in hdus[0].header  # belongs to the spectrum
    assert not flatten(path)


def test_image_compressed_in_an_extension(tmp_path):
    data = np.tile(COUNTS, (20, 20))
    compressed = fits.CompImageHDU(data, compression_type="RICE_1")
    compressed.header["GAIN"] = 2.1
    path = write_image(tmp_path / "a.fits", None, compressed, OBJECT="3552")
    assert flatten(path)
    np.testing.assert_array_equal(fits.getdata(path), data)
    header = Frame(path).header
    assert header["GAIN"] == 2.1
    assert not any(keyword.startswith(("ZIMAGE", "ZCMPTYPE", "ZNAXIS", "TFORM", "TTYPE")) for keyword in header)


@pytest.mark.filterwarnings("ignore:File may have been truncated", "ignore:Error validating header")
@pytest.mark.parametrize("lost", [100, 2880 + 100])
def test_extension_cut_short(tmp_path, lost):
    data = np.zeros((60, 60), dtype=np.float32)
    path = write_image(tmp_path / "a.fits", None, extension(data))
    path.write_bytes(path.read_bytes()[: 2880 * 2 + data.nbytes - lost])
    before = path.read_bytes()
    with pytest.raises(FrameError, match="truncated|cannot be read"):
        flatten(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("in_extension", [False, True])
def test_a_frame_that_is_a_link_becomes_a_file_of_its_own(tmp_path, in_extension):
    archive, link = tmp_path / "archive.fits", tmp_path / "a.fits"
    if in_extension:
        write_image(archive, None, extension(COUNTS))
    else:
        write_image(archive)
    archive.chmod(0o444)
    before = archive.read_bytes()
    link.symlink_to(archive)
    if in_extension:
        flatten(link)
    frame = Frame(link)
    set_keyword(frame.header, "SECPIXX", 0.4, "arcsec")
    frame.save()
    assert not link.is_symlink() and Frame(link).header["SECPIXX"] == 0.4
    np.testing.assert_array_equal(fits.getdata(link), COUNTS)
    assert archive.read_bytes() == before
