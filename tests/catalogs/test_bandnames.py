"""The bands that -filter takes: all that there are, and nothing else."""

import pytest

from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs import bandnames, colorterms, surveys
from photometrypipeline.instruments.instrument import PP_BANDS
from photometrypipeline.runs.runoptions import RunOptions


def test_the_names_are_those_of_catalogues_transformations_and_telescopes():
    native = {band for name in surveys.NAMES for band in surveys.get(name).bands}
    made = {relation.band for relation in colorterms.RELATIONS}
    assert set(bandnames.BANDS) == native | made | PP_BANDS


@pytest.mark.parametrize("name", [*bandnames.BANDS, "None", "none"])
def test_all_bands_are_taken(name):
    assert RunOptions.chosen(filter=name).filter == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Q", r"U B V R I .*gp1"),
        ("v", "did you mean V or vsm"),
        ("bp", r"did you mean BP\?"),
        ("r'", r"did you mean r\?"),
        ("Bessel V", r"did you mean V\?"),
        ("Rc ", r"did you mean R\?"),
        ("Clear", "magnitudes stay instrumental; -filter G calibrates to the nearest"),
    ],
)
def test_what_is_no_band_is_asked_back(name, told):
    with pytest.raises(UsageError, match=told):
        RunOptions.chosen(filter=name)


def test_tables_of_users_and_skymapper_have_bands_of_their_own(tmp_path):
    table = tmp_path / "stars.csv"
    table.write_text("ra,dec,Hamag\n10.0,20.0,12.0\n")
    (tmp_path / "stars.columns.toml").write_text('Hamag = "Hamag"\n')
    assert RunOptions.chosen(filter="Ha", catalog=str(table)).filter == "Ha"
    assert RunOptions.chosen(filter="v", catalog="SkyMapper").filter == "v"
