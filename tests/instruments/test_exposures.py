"""The mid-time of a frame from all that its header says: who wrote what, in which notation, on which time scale."""

from dataclasses import replace

import pytest
from astropy.io import fits
from astropy.time import Time

from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import exposurelength, exposures, headers, telescopes
from photometrypipeline.sky import dates

START = "2021-03-22T01:02:03.250"
EXPOSURE_S = 120.0
MIDDLE = "2021-03-22T01:03:03.250"
END = "2021-03-22T01:04:03.250"
LATER = "2021-03-22T02:02:03.250"
START_JD, MIDDLE_JD, END_JD = (Time(text).jd for text in (START, MIDDLE, END))
MS = 0.001 / 86400


def header_of(*cards, exptime=EXPOSURE_S):
    header = fits.Header([("EXPTIME", exptime)] if exptime else [])
    for card in cards:
        header.append(card)
    return header


def exposure_of(*cards, key="GENERIC", time="DATE-OBS", **changes):
    frame = Frame("a.fits")
    frame.header = header_of(*cards)
    telescope = telescopes.get(key)
    return exposures.of_frame(frame, replace(telescope, header=telescope.header | {"time": time} | changes))


def isot(jd):
    return Time(jd, format="jd", scale="utc").isot


# ---- what moment a card means


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        (START, ""),
        (START, "UTC date/time of exposure start"),
        (START, "System Clock:Est. Frame Start"),
        (START, "UTC shutter opened"),
        (START, "Time start to exposure"),
        (MIDDLE, "UTC date/time at the middle of the exposure"),
        (MIDDLE, "mid-exposure"),
        (MIDDLE, "Midpoint of observation"),
        (MIDDLE, "System Clock:Est. Frame Mid Point"),
        (MIDDLE, "mean time of the exposure"),
        (END, "UTC date/time at end of exposure"),
        (END, "System Clock:Frame Received"),
        (END, "System Clock-Frame Grabbed"),
        (END, "time when shutter closed (UTC)"),
        (END, "exposure finished"),
    ],
)
def test_comments_say_which_moment_it_is(text, comment):
    found = exposure_of(("DATE-OBS", text, comment))
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert (found.error_s, found.corrected, found.doubts) == (0, "", [])


def test_when_the_image_was_made_is_no_more_than_a_limit():
    found = exposure_of(("DATE-OBS", END, "Image created time"))
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert found.error_s == EXPOSURE_S and "DATE-OBS is when the image was made" in found.doubts[0]
    found = exposure_of(("DATE-OBS", END, "Image created time"), ("DATE-BEG", START))
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS) and not found.doubts
    found = exposure_of(("DATE-OBS", START, "Image created time"), ("DATE-END", END))  # made when it began
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS) and not found.doubts


# ---- several witnesses


@pytest.mark.parametrize(
    "other",
    [
        ("DATE-BEG", START),
        ("DATE-AVG", MIDDLE),
        ("DATE-MID", MIDDLE),
        ("DATE-END", END),
        ("DATE-END", "2021-03-22T01:04:31", "with the readout"),
        ("MJD-OBS", round(START_JD - 2400000.5, 8)),
        ("MJD-OBS", round(MIDDLE_JD - 2400000.5, 8), "MJD of the middle"),
        ("MJD-OBS", round(MIDDLE_JD - 2400000.5, 8)),  # nothing says that it is not the middle
        ("MJD-AVG", round(MIDDLE_JD - 2400000.5, 8)),
        ("MJD-END", round(END_JD - 2400000.5, 8)),
        ("JD_UTC", MIDDLE_JD, "Julian Date (UTC) at mid-exposure"),
        ("JD", START_JD),
        ("HJD", START_JD + 0.004),
        ("BJD_TDB", START_JD + 0.005, "at mid exposure"),
        ("DATE", "2021-03-22T09:00:00", "file creation"),
        ("UT", "01:02:03.25"),
        ("DATE-LOC", LATER),
    ],
    ids=str,
)
def test_witnesses_that_agree(other):
    found = exposure_of(("DATE-OBS", START), other)
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert (found.error_s, found.corrected, found.doubts, found.notes) == (0, "", [], [])


@pytest.mark.parametrize(
    "others",
    [
        [("DATE-AVG", MIDDLE)],
        [("DATE-BEG", START)],
        [("MJD-AVG", MIDDLE_JD - 2400000.5)],
        [("JD", START_JD, "JD at start of exposure")],
    ],
)
def test_what_says_what_it_is_wins_and_is_reported(others):
    found = exposure_of(("DATE-OBS", "2021-03-22T01:02:45.250"), *others)
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=2 * MS)
    assert found.corrected == f"DATE-OBS: {others[0][0]} says a middle 42.0 s earlier"
    assert found.error_s == 0


@pytest.mark.parametrize(
    ("cards", "middle", "says"),
    [
        # two times of day beside one date: shutter and telescope
        (
            [("UT", "01:01:53"), ("UTSHUT", "01:02:03.2", "UT of shutter open")],
            MIDDLE,
            "UTSHUT says a middle 10.2 s later",
        ),
        ([("UT", "01:02:03.2"), ("TIME-OBS", "01:02:33")], MIDDLE, "TIME-OBS says a middle 29.8 s later"),
    ],
    ids=str,
)
def test_two_times_of_day_are_two_statements(cards, middle, says):
    found = exposure_of(("DATE-OBS", "2021-03-22"), *cards, time="DATE-OBS|UT")
    assert found.midtime_jd == pytest.approx(Time(middle).jd, abs=0.06 / 86400)
    assert says in found.corrected + "".join(found.doubts)


@pytest.mark.parametrize(
    ("other", "error_s", "says"),
    [
        (("MJD-OBS", START_JD - 2400000.5 + 1), 86400, "24.00 h later"),
        (("DATE-AVG", "2021-03-22T03:45:03.250"), 9720, "2.70 h later"),
        (("JD-GEO", MIDDLE_JD - 1 / 24, "Geocentric Julian Date at exposure midpoint"), 3600, "1 h earlier"),
        (("DATE-END", "2021-03-22T01:08:03.250"), 240, "DATE-END says a middle 240.0 s later"),
        (("EXPOSURE", 60.0), 30, "EXPTIME says 120 s, EXPOSURE 60 s"),
    ],
    ids=str,
)
def test_what_is_far_off_is_told_with_its_size(other, error_s, says):
    found = exposure_of(("DATE-OBS", START, "UTC"), other)
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert found.error_s == pytest.approx(error_s, abs=0.1) or found.error_s == pytest.approx(error_s / 2, abs=0.1)
    assert says in "".join(found.doubts)


@pytest.mark.parametrize(
    "other",
    [("EXPOSURE", 120000, "[ms]"), ("EXPOSURE", 2.0, "minutes"), ("EXPOSURE", 0.0013888, "[d]"), ("EXPOSURE", 120)],
)
def test_a_length_in_another_unit_is_no_contradiction(other):
    assert not exposure_of(("DATE-OBS", START), other).doubts


def test_a_time_that_stands_twice_is_told():
    found = exposure_of(("DATE-OBS", START), ("DATE-OBS", LATER))
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS) and found.error_s == pytest.approx(3600, abs=0.1)
    assert "DATE-OBS stands twice in the header, 1.00 h later" in found.doubts[0]
    assert not exposure_of(("DATE-OBS", START), ("DATE-OBS", START)).doubts


def test_clocks_that_were_never_set_are_told():
    assert "never set" in exposure_of(("DATE-OBS", "1970-01-01T00:02:03")).doubts[0]
    assert "future" in exposure_of(("DATE-OBS", "2150-01-01T00:02:03")).doubts[0]


def test_two_that_are_alike_stay_a_doubt():
    found = exposure_of(("DATE-OBS", START), ("MJD-OBS", START_JD - 2400000.5 + 17 / 86400))
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert found.error_s == pytest.approx(17, abs=0.01)
    assert "DATE-OBS is used, although MJD-OBS says a middle 17.0 s later" in found.doubts[0]
    defined = exposure_of(("DATE-OBS", START), ("MJD-OBS", START_JD - 2400000.5 + 17 / 86400), key="DECAM")
    assert defined.error_s == 0 and "MJD-OBS says" in defined.notes[0]  # whoever defined it knew which one is right


def test_digits_that_one_lacks_are_taken_from_another():
    found = exposure_of(("DATE-OBS", "2021-03-22T01:02"), ("MJD-OBS", START_JD - 2400000.5))
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS) and found.error_s == 0
    found = exposure_of(("DATE-OBS", "2021-03-22T01:02"))
    assert found.error_s == 30 and "given to 60 s only" in found.doubts[0]
    found = exposure_of(("JD", round(START_JD, 4)), time="JD")
    assert found.error_s == pytest.approx(4.32)


# ---- notations, scales, zones


@pytest.mark.parametrize(
    "cards",
    [
        [("DATE-OBS", "22/03/21"), ("TIME-OBS", "01:02:03.25")],
        [("DATE-OBS", "22MAR2021"), ("TIME-OBS", "01 02 03.25")],
        [("DATE-OBS", "2021-03-22"), ("TIME-OBS", "01h02m03.25s")],
        [("DATE-OBS", "2021-03-22"), ("TIME-OBS", 3723.25, "seconds of the day")],
        [("DATE-OBS", "2021-03-22"), ("TIME-OBS", 1.034236111, "[h] UT")],
        [("DATE-OBS", "2021-03-22"), ("TIME-OBS", 0.0430931713, "decimal part of day")],
        [("DATE-OBS", "2021-03-22"), ("TIME-OBS", 0.0430931713)],
        [("DATE-OBS", "2021-03-22"), ("TIME-OBS", 10203.25, "hhmmss.ss")],
        [("DATE-OBS", "22/03/21", "mid-UT date"), ("TIME-OBS", 0.0437876157, "decimal part of day (mid-UT)")],
        [("DATE-OBS", "2021-03-22T01:02:03.25Z")],
        [("DATE-OBS", "2021-03-22 03:02:03.25 +0200")],
        [("DATE-OBS", LATER, "start (CET)")],
        [("DATE-OBS", LATER, "local time, UTC+1")],
        [("DATE-OBS", "20210322T010203.25")],
        [("DATE-OBS", "2021-03-22T01:02:40.250"), ("TIMESYS", "TAI")],
        [("DATE-OBS", "2021-03-22T01:03:12.434"), ("TIMESYS", "TT")],
        [("DATE-OBS", "2021-03-22T01:02:21.250"), ("TIMESYS", "GPS")],
        [("DATE-OBS", "2021-03-22T01:02:40.250", "start of exposure (TAI)")],
        [("DATE-OBS", START), ("TIMESYS", "UTC"), ("MJD-OBS", START_JD - 2400000.5)],
        [("DATE-OBS", LATER, "local time"), ("UTC-OFFS", 1)],
        [("DATE-OBS", LATER), ("TIMESYS", "LOCAL"), ("TIMEZONE", -1), ("SITELAT", 51.0), ("SITELONG", 4.0)],
    ],
    ids=str,
)
def test_notations_time_scales_and_zones(cards):
    time = "DATE-OBS|TIME-OBS" if len(cards) > 1 and cards[1][0] == "TIME-OBS" else "DATE-OBS"
    found = exposure_of(*cards, time=time)
    assert isot(found.midtime_jd)[:21] == MIDDLE[:21]
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=2 * MS)
    assert found.error_s == 0


def test_local_time_without_a_zone_is_a_doubt():
    found = exposure_of(("DATE-OBS", START, "local time"))
    assert found.error_s == 14 * 3600 and "nothing tells the zone" in found.doubts[0]
    found = exposure_of(("DATE-OBS", START), ("UTCOFFS", -7))
    assert found.error_s == 7 * 3600 and "nothing says that it is UTC" in found.doubts[0]


# ---- stacks

SIRIL = [("SWCREATE", "Siril 1.2.0"), ("STACKCNT", 56, "Stack frames"), ("LIVETIME", 3360.0, "[s] after deadtime")]


@pytest.mark.parametrize(
    ("exptime", "cards", "light_s", "after_s"),
    [  # after_s : the middle, after START
        (60.0, [("DATE-OBS", START), *SIRIL], 3360, 1680),
        (60.0, [("DATE-OBS", START), *SIRIL, ("EXPSTART", START_JD), ("EXPEND", START_JD + 4000 / 86400)], 3360, 2000),
        (60.0, [("DATE-OBS", START), *SIRIL, ("DATE-END", "2021-03-22T02:02:03.25")], 3360, 1800),
        (10.0, [("DATE-OBS", START, "Image created time"), ("STACKCNT", 187), ("TOTALEXP", 1870.0)], 1870, -935),
        (10.0, [("CREATOR", "ZWO Seestar S50"), ("DATE-OBS", START), ("STACKCNT", 30)], 300, 150),
        (80.0, [("DATE-OBS", START), ("SNAPSHOT", 4), ("EACHSNAP", 20.0)], 80, 40),
        (20.0, [("DATE-OBS", START), ("SNAPSHOT", 4), ("EACHSNAP", 20.0)], 80, 40),
        (80.0, [("DATE-OBS", START), ("SNAPSHOT", 4, "Number of images combined")], 80, 40),
        (20.0, [("DATE-OBS", START), ("NCOADDS", 4), ("DATE-AVG", MIDDLE)], 80, 60),
        (
            20.0,
            [("DATE-OBS", START), ("NB", 4, "Number of frames stacked"), ("TOT", 80.0, "total exposure (s)")],
            80,
            40,
        ),
        (5.0, [("DATE-OBS", START), ("COADDS", 6), ("ITOT", 30.0, "total integration time [s]")], 30, 15),
        (60.0, [("DATE-OBS", START), ("HISTORY", "ImageIntegration.numberOfImages: 20")], 1200, 600),
        (1200.0, [("DATE-OBS", START), ("NCOMBINE", 20)], 1200, 600),  # else 7 hours
        # its frames can not have taken longer than from the first to the last
        (600.0, [("DATE-OBS", START), ("NCOMBINE", 10), ("DATE-END", "2021-03-22T01:22:03.25")], 600, 600),
        (0.02, [("DATE-OBS", START), ("NFRAMES", 100), ("DATE-MID", "2021-03-22T01:02:04.25")], 2, 1),  # of a video
        (
            10.0,
            [("DATE-OBS", START, "Image created time"), ("STACKCNT", 6), ("DATE-END", "2021-03-22T01:04:03.25")],
            60,
            60,
        ),
    ],
)
def test_the_light_of_a_stack_is_the_whole_of_its_exposure(exptime, cards, light_s, after_s):
    found = exposure_with(exptime, cards)
    assert found.light_s == light_s
    assert (found.midtime_jd - START_JD) * 86400 == pytest.approx(after_s, abs=0.002)


def exposure_with(exptime, cards):
    frame = Frame("a.fits")
    frame.header = header_of(*cards, exptime=exptime)
    return exposures.of_frame(frame, telescopes.get("GENERIC"))


@pytest.mark.parametrize("end", [("DATE-END", "2021-03-22T02:13:03.25"), ("MJD-END", START_JD - 2400000.5 + 71 / 1440)])
def test_an_end_that_is_late_shows_that_exposures_were_added_up(end):
    found = exposure_of(("DATE-OBS", START), end)
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert (
        found.error_s == pytest.approx(69 * 30, abs=0.1) and "several exposures may have been added" in found.doubts[0]
    )
    zone = exposure_of(("DATE-OBS", START), ("DATE-END", "2021-03-22T02:04:03.25"))  # one hour of another clock
    assert not zone.doubts


@pytest.mark.parametrize("written", ["DATE-OBS and UT", ""], ids=["put together before", "apart"])
def test_the_date_of_the_evening_gives_way_to_whole_dates(written):
    apart = [("DATE-OBS", "2021-03-21"), ("UT", "01:02:03.250")]
    together = [("DATE-OBS", "2021-03-21T01:02:03.250", f"PP: taken from {written}")]
    found = exposure_of(
        *(together if written else apart), ("JD", START_JD), time="DATE-OBS" if written else "DATE-OBS|UT"
    )
    assert found.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS)
    assert "is a day early by JD" in found.corrected
    agreed = exposure_of(*apart, ("JD", START_JD - 1), ("MJD-OBS", START_JD - 2400000.5), time="DATE-OBS|UT")
    assert agreed.midtime_jd == pytest.approx(MIDDLE_JD - 1, abs=MS) and not agreed.corrected


def test_a_copy_of_another_keyword_is_as_sure_as_that():
    copy = ("DATE-OBS", START, "PP: taken from DATE-LOC")
    found = exposure_of(copy, ("DATE-LOC", START, "Time of observation (local)"))
    assert found.error_s == 14 * 3600 and "nothing tells the zone" in found.doubts[0]
    corrected = exposure_of(copy, ("DATE-LOC", LATER, "Time of observation (local)"))  # it was an hour ahead
    assert corrected.midtime_jd == pytest.approx(MIDDLE_JD, abs=MS) and not corrected.doubts
    copy = ("DATE-OBS", START, "PP: taken from DATE-BEG")  # and no second witness
    found = exposure_of(
        copy, ("DATE-BEG", START), ("DATE-AVG", "2021-03-22T01:07:03.25"), ("DATE-END", "2021-03-22T01:12:03.25")
    )
    assert isot(found.midtime_jd) == "2021-03-22T01:07:03.250" and "DATE-AVG says a middle" in found.corrected
    alone = exposure_of(copy, ("DATE-BEG", START), ("DATE-END", "2021-03-22T01:12:03.25"))
    assert alone.error_s == pytest.approx(240, abs=0.1) and "several exposures may have been added" in alone.doubts[0]


def test_the_middle_of_a_long_stack_is_no_other_zone():
    cards = [("DATE-OBS", START), ("NCOADDS", 40), ("DATE-MID", "2021-03-22T02:02:58.5"), ("EXPOSURE", 800.0, "Total")]
    found = exposure_with(800.0, [*cards, ("DATE-END", "2021-03-22T03:03:54")])
    assert isot(found.midtime_jd) == "2021-03-22T02:02:58.500"
    assert "local" not in found.corrected and "stack of 40" in found.corrected


def test_a_stack_says_what_it_does_not_know():
    found = exposure_with(60.0, [("DATE-OBS", START), *SIRIL])
    assert "stack of 56, 3360 s in all" in found.corrected
    assert found.error_s == 336 and "nothing tells of pauses" in found.doubts[0]
    found = exposure_with(60.0, [("DATE-OBS", START), ("NCOMBINE", 5)])
    assert found.light_s == 300 and found.error_s == 120
    assert any("not clear how long it was exposed" in text for text in found.doubts)


@pytest.mark.parametrize(
    "cards",
    [
        [("STACKCNT", 1)],
        [("FRMTOTAL", 12, "Total number of exposures within molecule")],
        [("NSUBEXP", 1, "Number of sub exposures")],
        [("SNAPSHOT", 1, "Number of images combined")],
        [("NCOMBINE", 13), ("MIDJD", MIDDLE_JD)],  # of the flat: the middle is that of a single exposure
    ],
    ids=str,
)
def test_what_is_no_stack(cards):
    found = exposure_of(("DATE-OBS", START), *cards)
    assert (found.light_s, found.midtime_jd, found.doubts) == (EXPOSURE_S, pytest.approx(MIDDLE_JD, abs=MS), [])


def test_the_length_of_a_stack_is_found_again_in_a_prepared_header():
    header = fits.Header([("EXPTIME", 1870.0, f"PP: [s] {exposurelength.WHOLE}"), ("_EXPTIME", 10.0)])
    assert exposurelength.first_value(header, "EXPTIME") == 10.0
    assert exposurelength.first_value(fits.Header([("EXPTIME", 5.0), ("_EXPTIME", 7.0)]), "EXPTIME") == 5.0


def test_a_prepared_stack_counts_with_all_its_light():
    frame = Frame("a.fits")
    frame.header = fits.Header([("EXPTIME", 1870.0, f"PP: [s] {exposurelength.WHOLE}"), ("_EXPTIME", 10.0)])
    assert headers.light_s(frame, telescopes.get("GENERIC")) == 1870.0
    frame.header = fits.Header([("EXPTIME", 10.0)])
    assert headers.light_s(frame, telescopes.get("GENERIC")) == 10.0


# ---- day and month


def test_a_day_that_may_be_a_month_is_told():
    found = exposure_of(("DATE-OBS", "03/04/2021 01:02:03.250"))
    assert isot(found.midtime_jd).startswith("2021-04-03T01:03:03.25")
    assert found.doubts == [
        "DATE-OBS = 03/04/2021 01:02:03.250 is taken for 2021-04-03 (day first), not for 2021-03-04"
    ]
    assert found.error_s == 0  # of months: the frame is right, or has to be corrected


def test_a_day_is_told_when_the_date_has_been_put_together():
    found = exposure_of(("DATE-OBS", "2021-04-03T01:02:03.250"), ("_DATE-OB", "03/04/2021"))
    assert "not for 2021-03-04" in found.doubts[0]


@pytest.mark.parametrize("witness", ["2021-03-04T01:04:05", "2021-04-03T01:04:05"])
def test_another_date_tells_day_from_month(witness):
    found = exposure_of(("DATE-OBS", "03/04/2021 01:02:03.250"), ("DATE-END", witness))
    assert isot(found.midtime_jd)[:10] == witness[:10] and not found.doubts
    assert ("month first" in found.corrected) == ("-03-04" in witness)


@pytest.mark.parametrize("text", ["03/03/2021 01:02:03.250", "23/03/2021 01:02:03.250", "03/04/93", "2021-03-04"])
def test_other_dates_have_one_order(text):
    assert dates.other_day(text) is None
