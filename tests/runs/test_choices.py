"""Choices by hand: kept in one file that says everything, told, and forgotten only when asked to."""

import pytest

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import old
from photometrypipeline.runs import choices
from photometrypipeline.runs.runoptions import RunOptions
from photometrypipeline.runs.stepoptions import CalibrateOptions, DistillOptions, PhotometryOptions

LIST = 'a.fits 3552\nb "quoted" \\ back.fits\n'


@pytest.fixture
def night(tmp_path):
    """Return the folder of a data set, next to one with lists."""
    (tmp_path / "night").mkdir()
    (tmp_path / "rejected.lst").write_text(LIST)
    return tmp_path / "night"


def by_hand(folder, step, cls, **values):
    return choices.keep(folder, step, cls.chosen(**values), tuple(values))


def joined(folder, **values):
    found = choices.read(folder)
    options, told = found.join(RunOptions.chosen(**values), tuple(values))
    found.write()
    return options, told


def test_what_steps_by_hand_chose_is_what_a_run_goes_on_with(night):
    by_hand(night, "photometry", PhotometryOptions, aprad=5.0, jobs=1)
    by_hand(night, "calibrate", CalibrateOptions, filter="V", catalog=["sdss-r9", "REFCAT2"])
    by_hand(night, "distill", DistillOptions, exclude=str(night.parent / "rejected.lst"), offset=(1.5, -0.3))
    options, told = joined(night)
    assert options.fixed_aprad == 5.0 and options.filter == "V" and options.catalog == ("SDSS-R9", "REFCAT2")
    assert options.by_hand["distill"]["offset"] == (1.5, -0.3)  # which pp_run itself has not
    assert told == [
        "pp_photometry -aprad 5.0",
        "pp_calibrate -catalog SDSS-R9,REFCAT2 -filter V",
        "pp_distill -exclude ../rejected.lst -offset 1.5 -0.3",
    ]


def test_the_file_alone_brings_the_lists_along_to_the_byte(night, tmp_path):
    by_hand(night, "distill", DistillOptions, exclude=str(night.parent / "rejected.lst"))
    elsewhere = tmp_path / "another" / "machine"
    elsewhere.mkdir(parents=True)
    (elsewhere / choices.FILE_NAME).write_bytes((night / choices.FILE_NAME).read_bytes())
    options, _ = joined(elsewhere)
    assert options.exclude == str(elsewhere / "rejected.lst")
    assert (elsewhere / "rejected.lst").read_text() == LIST
    assert (elsewhere / choices.FILE_NAME).read_bytes() == (night / choices.FILE_NAME).read_bytes()


def test_a_run_with_an_option_replaces_that_choice_and_keeps_the_others(night):
    joined(night, fixed_aprad=4.0, filter="V")
    options, told = joined(night, filter="R")
    assert (options.fixed_aprad, options.filter) == (4.0, "R")
    assert told == ["pp_photometry -aprad 4.0"]
    assert joined(night)[0].filter == "R"


def test_a_band_takes_the_place_of_no_calibration(night):
    by_hand(night, "calibrate", CalibrateOptions, instrumental=True)
    options, _ = joined(night, filter="V")
    assert options.filter == "V" and "instrumental" not in options.by_hand["calibrate"]


def test_a_step_by_hand_is_as_its_command_line_says_and_names_what_it_drops(night):
    by_hand(night, "distill", DistillOptions, reject="none", exclude=str(night.parent / "rejected.lst"))
    assert by_hand(night, "distill", DistillOptions, reject="none") == ["pp_distill -exclude ../rejected.lst"]
    assert by_hand(night, "distill", DistillOptions) == ["pp_distill -reject none"]
    assert not (night / choices.FILE_NAME).exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[calibrate]\nfiltr = 'V'\n", "did you mean filter"),
        ("[calibrat]\n", "calibrat is not a section"),
        ("[calibrate\n", "cannot be read"),
        ("[calibrate]\nfilter = 'Q'\n", "Q is not a band"),
        ("[distill]\nexclude = 'gone.lst'\n[files]\n'gone.lst' = {sha256 = 'ab'}\n", "needs gone.lst"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line(night, text, told):
    (night / choices.FILE_NAME).write_text(text)
    with pytest.raises(PipelineError, match=told) as caught:
        joined(night)
    assert str(night / choices.FILE_NAME) in str(caught.value)


def test_results_set_aside_never_overwrite_each_other(tmp_path):
    for text in "one", "two":
        (tmp_path / "photometry_x.dat").write_text(text)
        assert old.set_aside(tmp_path, ["photometry_x.dat", "no.dat"]) == ["photometry_x.dat"]
    assert [(tmp_path / "old" / f"photometry_x.dat{end}").read_text() for end in ("", ".1")] == ["one", "two"]
