"""What Horizons answers: failures, lists of candidates, and recorded answers that are read to the last quantity."""

from pathlib import Path

import astroquery
import numpy as np
import pytest

from photometrypipeline.base.errors import Ambiguous, NotFound
from photometrypipeline.ephemerides import ephemstore, horizons, names

ASK = names.queries("Anything")[0]
FAILURES = [
    (" Matching small-bodies: \n    No matches found.\n", NotFound, "knows no object 'Anything'"),
    ("No such object record found: 99999999\n", NotFound, "knows no object"),
    ('\n No ephemeris for target "Huygens" after A.D. 2005-JAN-14 TDB\n', horizons.NoEphemeris, "after A.D. 2005"),
    ("BATVAR: no TLIST values found (or missing quotes)\nWLDINI: error loading\n", horizons.Refused, "no TLIST values"),
    ("INPUT ERROR in VLADD read\n", horizons.Refused, "INPUT ERROR"),
    ('Cannot interpret date. Type "?!" or try YYYY-MMM-DD\n', horizons.Refused, "Cannot interpret date"),
    ("Something nobody has ever seen\n", horizons.Retry, "no table in the answer: API VERSION"),
    ("$$SOE\n 2024-Jan-01", horizons.Retry, "ends early"),
]


@pytest.mark.parametrize(("text", "error", "message"), FAILURES)
def test_every_failure_text_has_its_own_kind_of_error(text, error, message):
    with pytest.raises(error, match=message) as caught:
        horizons.parse_ephemeris("API VERSION: 1.2\nAPI SOURCE: NASA/JPL Horizons API\n\n" + text, ASK)
    assert type(caught.value) is error


SEVERAL_FRAGMENTS = """
JPL/DASTCOM            Small-body Index Search Results     2021-May-11 07:53:26

 Comet AND asteroid index search:

    DES = 141P;

 Matching small-bodies:

    Record #  Epoch-yr  >MATCH DESIG<  Primary Desig  Name
    --------  --------  -------------  -------------  -------------------------
    90001032    2011    141P           141P            Machholz 2
    90001034    1994    141P-A         141P-A          Machholz 2
    90001037    1994    141P-D         141P-D          Machholz 2

 (3 matches. To SELECT, enter record # (integer), followed by semi-colon.)
"""
SEVERAL_MAJOR = """
 Multiple major-bodies match string "VENUS*"

  ID#      Name                               Designation  IAU/aliases/other
  -------  ---------------------------------- -----------  -------------------
        2  Venus Barycenter
      299  Venus
     -248  Venus Express Spacecraft                        VEX

   Number of matches =  3. Use ID# to make unique selection.
"""


def test_lists_of_candidates_as_horizons_writes_them():
    with pytest.raises(horizons.Apparitions) as caught:
        horizons.parse_ephemeris(SEVERAL_FRAGMENTS, ASK)
    assert caught.value.designation == "141P"
    assert caught.value.candidates[1] == "90001034 1994 141P-A 141P-A Machholz 2"
    with pytest.raises(Ambiguous) as caught:
        horizons.parse_ephemeris(SEVERAL_MAJOR, ASK)
    assert caught.value.candidates == ["2 Venus Barycenter", "299 Venus", "-248 Venus Express Spacecraft VEX"]


def test_a_title_may_vary_in_its_padding_and_columns_in_their_order():
    text = (
        "Target body name: 433 Eros (A898 PA)              {source: JPL#659}\n"
        " Date__(UT)__HR:MN, Date_________JDUT, , , DEC____(ICRF), R.A.___(ICRF),    S-T-O,  APmag,\n"
        "$$SOE\n 2024-Jan-01 00:00, 2460310.500000000,*,m, -12.345678901, 123.456789012,  n.a.,  12.34,\n$$EOE\n"
    )
    found = horizons.parse_ephemeris(text, ASK)
    row = dict(zip(ephemstore.COLUMNS, found.values[0], strict=True))
    assert (row["ra_deg"], row["dec_deg"], row["v_mag"]) == (123.456789012, -12.345678901, 12.34)
    assert np.isnan([row["phase_deg"], row["ra_rate"]]).all()
    assert found.full_name == "433 Eros (A898 PA)"
    assert found.elements is None


CELLS = {"words": ("n.a.", "+5.0"), "beyond the sky": ("400.0", "+5.0"), "beyond the pole": ("12.0", "95.0")}


@pytest.mark.parametrize(
    "rows", ["", *(f" 2024-Jan-01 00:00, 2460310.5, {ra}, {dec},\n" for ra, dec in CELLS.values())]
)
def test_a_table_without_a_place_is_no_answer(rows):
    titles = " Date__(UT)__HR:MN, Date_________JDUT, R.A.___(ICRF), DEC____(ICRF),\n"
    with pytest.raises(horizons.Retry, match="without positions"):
        horizons.parse_ephemeris(f"Target body name: 433 Eros\n{titles}$$SOE\n{rows}$$EOE\n", ASK)


def recorded(name):
    return (Path(astroquery.__file__).parent / "jplhorizons" / "tests" / "data" / name).read_text()


def test_a_real_answer_with_every_quantity():
    found = horizons.parse_ephemeris(recorded("ceres_ephemerides_single.txt"), ASK)
    row = dict(zip(ephemstore.COLUMNS, found.values[0], strict=True))
    assert found.full_name == "1 Ceres (A801 AA)"
    assert found.jd.tolist() == [2451544.5]
    # from the test of astroquery that this recording belongs to
    assert (row["ra_deg"], row["dec_deg"]) == (188.70280, 9.09829)
    assert (row["ra_rate"], row["dec_rate"]) == (34.40955, -2.68359)
    assert (row["r_au"], row["delta_au"]) == (2.551099027865, 2.26315121010004)
    assert row["phase_deg"] == 22.5698
    assert found.elements["EC"] == 0.07687465013145245
    assert found.elements["G"] == 0.12


def test_a_real_answer_for_an_object_without_magnitude():
    found = horizons.parse_ephemeris(recorded("no_H.txt"), ASK)
    assert found.full_name == "(1935 UZ)"
    assert np.isnan(found.values[0, ephemstore.COLUMNS.index("v_mag")])
    assert "H" not in found.elements


def test_a_real_answer_with_elements():
    found = horizons.parse_elements(recorded("ceres_elements_single.txt"), ASK)
    assert found["EPOCH"] == 2451544.5
    assert found["EC"] == pytest.approx(0.07837505574674922)
    assert found["TP"] == pytest.approx(2451516.163103133)


def test_a_real_refusal():
    with pytest.raises(horizons.Refused, match="no TLIST values found"):
        horizons.parse_ephemeris(recorded("tlist_error.txt"), ASK)
