"""The sheets of the catalogues, and VizieR's answers read by them: units, missing values, quality cuts."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

import pp_calibrate
import services as local
import starlist
import vizierlabels
from photometrypipeline.base import services
from photometrypipeline.base.errors import CatalogError, UsageError
from photometrypipeline.catalogs import colorterms, surveys, vizier
from photometrypipeline.catalogs.surveys import apass, gaia, panstarrs, sdss, twomass
from photometrypipeline.runs.stepoptions import RegisterOptions

ROOT = Path(__file__).resolve().parents[1].parent
RECORDED = ROOT.parent / "shared" / "data" / "catalogs"


def answer(survey, table, fault=""):
    """Return the body that VizieR sends for all stars of a table."""
    labels = [label for column in survey.columns for label in (column.label, column.over) if label]
    fields = {"-source": survey.table, "-out": ",".join(dict.fromkeys(labels)), "-out.max": "unlimited"}
    fields |= {"-c": "150.0+2.0", "-c.rd": "180"}
    return local.vizier_answer({survey.table: local.as_vizier(survey, table)}, fields, fault).encode()


def read(survey, table, fault=""):
    return vizier.to_schema(vizier.read_answer(answer(survey, table, fault), survey), survey)


SERVED = [name for name, survey in surveys.SURVEYS.items() if survey.table and not survey.reader]


@pytest.mark.parametrize("name", SERVED)
def test_every_sheet_is_consistent_and_its_values_come_back(name):
    survey = surveys.get(name)
    stars = starlist.make(name, 20, 150, 2, 0.2)
    stars["e_dec_deg"] = stars["e_ra_deg"]  # some give one error for both
    back = read(survey, stars)
    assert back.colnames == survey.column_names
    for column in survey.columns:
        if not column.text and not column.name.startswith("flag") and column.name in stars.colnames:
            np.testing.assert_allclose(back[column.name], stars[column.name], rtol=1e-9, err_msg=column.name)
    assert survey.limit_on is None or survey.limit_on in survey.column_names
    assert survey.key is None or survey.key in survey.column_names
    assert set(survey.bands) == set(survey.systems)
    assert set(survey.bands.values()) | set(survey.bright) <= set(survey.column_names)
    assert set(survey.relations) <= set(colorterms.IDS)
    made = colorterms.bands_of(survey.relations, survey.column_names)
    for set_id in survey.relations:
        assert colorterms.bands_of([set_id], survey.column_names), f"{set_id} cannot be used"
    for band in made:
        for relation in colorterms.find(survey.relations, band, survey.column_names):
            assert set(relation.inputs) <= relation.needs <= set(survey.column_names)
    assert survey.good_photometry(back).dtype == survey.good_astrometry(back).dtype == bool


@pytest.mark.parametrize("table", vizierlabels.TABLES)
def test_sheets_ask_for_labels_that_exist_and_know_their_units(table):
    survey = next(survey for survey in surveys.SURVEYS.values() if survey.table == table)
    there = vizierlabels.columns(table)
    for column in survey.columns:
        assert column.label in there, f"{column.label} is no column of {table}"
        assert column.over is None or column.over in there
        unit, kind = there[column.label]
        asked = {"mjd": "d", "jd": "d"}.get(column.unit, column.unit)
        assert asked is None or asked == unit, f"{column.label}: {asked} instead of {unit}"
        assert column.text or kind == "number", f"{column.label} is text, or an identifier of 64 bits"
    assert set(survey.constraints) <= set(there)
    assert survey.limit_label is None or survey.limit_label in there


def test_every_catalogue_of_the_registry_can_be_chosen():
    names = (
        "GAIA GAIA-DR1 TGAS GAIA-DR2 GAIA-EDR3 GAIA-DR3 GSPC REFCAT2 PANSTARRS PANSTARRS-DR2 SDSS-R9 SDSS-R12 SDSS-R13"
    )
    names += " SDSS-R16 SkyMapper SkyMapper-DR4 APASS9 APASS10 2MASS URAT-1 UCAC4 USNO-B1 VSX TYCHO2"
    for name in names.split():
        assert surveys.canonical(name) == surveys.canonical(name.lower()) == name
        survey = surveys.get(name)
        assert survey.release and survey.title
        assert survey.key or survey.bands or name == "VSX"
    uses = {name: (bool(surveys.get(name).key), bool(surveys.get(name).bands)) for name in names.split()}
    assert uses["APASS9"] == uses["GSPC"] == (False, True)  # no positions worth the name, no proper motions
    assert uses["USNO-B1"] == (True, False)  # photographic
    assert uses["GAIA"] == uses["REFCAT2"] == uses["2MASS"] == uses["SkyMapper-DR4"] == (True, True)


@pytest.mark.parametrize("name", ["GAIA", "PANSTARRS", "APASS9"])
def test_identifiers_that_come_as_integers_keep_all_their_digits(name):
    survey, stars = surveys.get(name), starlist.make(name, 3, 150, 2, 0.2)
    served = local.as_vizier(survey, stars)
    label = next(column.label for column in survey.columns if column.name == "ident")
    served[label] = np.array([2**62 + 1, 2**62 + 2, 2**62 + 3])
    fields = {"-source": survey.table, "-out": ",".join(served.colnames), "-c": "150.0+2.0", "-c.rd": "180"}
    body = local.vizier_answer({survey.table: served}, fields).encode()
    assert b'datatype="long"' in body
    back = vizier.to_schema(vizier.read_answer(body, survey), survey)
    assert list(back["ident"]) == [str(2**62 + number) for number in (1, 2, 3)]


def test_names_in_any_letter_case():
    assert surveys.get("gaia") is surveys.get("GAIA-DR3")
    assert surveys.get("sdss-r13") is surveys.get("SDSS-R16")
    assert surveys.canonical("skymapper") == "SkyMapper"
    assert surveys.canonical("nonsense") is None
    assert surveys.canonical("usnob1") == surveys.canonical("USNO B1.0") == "USNO-B1"
    assert surveys.canonical("Pan-STARRS") == surveys.canonical("ps1") == "PANSTARRS"
    for name, hint in (
        ("apass", "APASS10 or APASS9"),
        ("sky", "SkyMapper"),
        ("GAIADR9", "GAIA-DR"),
        ("", "2MASS, APASS"),
    ):
        with pytest.raises(UsageError, match=hint):
            surveys.named(name)


def test_units_come_from_the_answer_and_not_from_memory():
    survey = surveys.get("SkyMapper-DR4")  # its releases differ
    stars = starlist.make("SkyMapper-DR4", 30, 150, 2, 0.2)
    np.testing.assert_allclose(read(survey, stars)["e_ra_deg"], stars["e_ra_deg"], rtol=1e-9)
    told_arcsec = read(survey, stars, "unit:e_RAICRS=arcsec")
    np.testing.assert_allclose(told_arcsec["e_ra_deg"], 1000 * stars["e_ra_deg"], rtol=1e-9)
    survey, stars = surveys.get("UCAC4"), starlist.make("UCAC4", 30, 150, 2, 0.2)
    np.testing.assert_allclose(read(survey, stars, "unit:e_Vmag=cmag")["e_Vmag"], stars["e_Vmag"] / 100, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        ("GAIA", "e_RA_ICRS", "mag"),
        ("GAIA", "e_RA_ICRS", "arcsec"),
        ("GAIA", "pmRA", "arcsec/yr"),
        ("GAIA", "RA_ICRS", "rad"),
        ("GAIA", "Gmag", "mmag"),
        ("GAIA", "e_Gmag", "deg"),
        ("GAIA", "pmDE", "furlong"),
        ("PANSTARRS", "e_RAJ2000", "mas"),
        ("PANSTARRS", "Epoch", "yr"),
        ("REFCAT2", "rp1", "arcmin"),
        ("2MASS", "errMaj", "mas"),
        ("SDSS-R16", "e_RA_ICRS", "mas"),
    ],
)
def test_a_unit_that_is_not_the_one_we_know_is_refused(name, label, unit):
    with pytest.raises(CatalogError, match=f"column {label} has unit .*, .* was expected"):
        read(surveys.get(name), starlist.make(name, 30, 150, 2, 0.2), f"unit:{label}={unit}")


def test_a_unit_spelled_otherwise_is_the_same():
    stars = starlist.make("GAIA", 30, 150, 2, 0.2)
    back = read(surveys.get("GAIA"), stars, "unit:pmRA=mas.yr**-1")
    np.testing.assert_allclose(back["pmra"], stars["pmra"], rtol=1e-9)


def test_a_label_that_lies_is_noticed_by_its_numbers():
    stars = starlist.make("GAIA", 30, 150, 2, 0.2)
    stars["e_ra_deg"] = 0.5  # as if the numbers were microarcsec under a label that says mas
    with pytest.raises(CatalogError, match="e_RA_ICRS.*wrong"):
        read(surveys.get("GAIA"), stars)


def test_a_column_that_is_gone(caplog):
    survey, stars = surveys.get("GAIA"), starlist.make("GAIA", 30, 150, 2, 0.2)
    with pytest.raises(CatalogError, match="without column e_Gmag; columns seen: Source"):
        read(survey, stars, "missing:e_Gmag")
    with caplog.at_level(logging.WARNING):
        table = read(survey, stars, "missing:RUWE")
    assert "without column RUWE" in caplog.text
    assert np.isnan(table["flag_ruwe"]).all()
    assert survey.good_photometry(table).all()  # what is unknown does not reject


CUTS = [
    (name, column)
    for name, survey in surveys.SURVEYS.items()
    if survey.table
    for column in survey.columns
    if column.cut
]


@pytest.mark.parametrize(("name", "column"), CUTS, ids=lambda each: getattr(each, "label", each))
def test_the_cut_that_a_missing_quality_column_turns_off_is_named_and_both_spellings_are_asked_for(
    name, column, caplog
):
    survey = surveys.get(name)
    table = read(survey, starlist.make(name, 30, 150, 2, 0.2), f"missing:{column.label}")
    assert f"without column {column.label}; the cut is off that leaves out {column.cut}" in caplog.text
    survey.good_photometry(table), survey.good_astrometry(table)  # without an exception
    asked = vizier._query(survey, 19, 10).columns
    assert {column.label, vizier.plain_label(column.label)} <= set(asked) and len(asked) == len(set(asked))


def test_every_truncated_answer_is_recognised():
    survey = surveys.get("PANSTARRS")
    body = answer(survey, starlist.make("PANSTARRS", 4, 150, 2, 0.2))
    for length in range(0, len(body) - 2, 7):
        with pytest.raises(services.Retry):
            vizier.read_answer(body[:length], survey)


def test_page_that_pretends_to_be_xml():
    page = b'<?xml version="1.0"?><!DOCTYPE html><html><body>Proxy log-in</body></html>'
    with pytest.raises(services.Retry, match="Proxy"):
        vizier.read_answer(page, surveys.get("GAIA"))


@pytest.mark.parametrize(
    ("labels", "ucds"),
    [
        ({}, True),
        ({"RAJ2000": "RAICRS", "DEJ2000": "DEICRS"}, False),
        ({"RAJ2000": "alpha", "DEJ2000": "delta"}, True),  # named by what the table says of them alone
    ],
)
def test_positions_are_found_whatever_a_table_calls_them(labels, ucds):
    table = Table({"URAT1": ["a"], "RAJ2000": [150.1], "DEJ2000": [2.2], "Epoch": [2013.5], "sigm": [5]})
    for name, unit in (("sigm", "mas"), ("Epoch", "yr")):
        table[name].unit = unit
    for name in ("pmRA", "pmDE", "e_pm"):
        table[name] = [1.0] * u.mas / u.yr
    table["f.mag"], table["e_f.mag"] = [15.0] * u.mag, [0.01] * u.mag
    for band in ("B", "V", "g", "r", "i", "J", "H", "K"):
        table[f"{band}mag"], table[f"e_{band}mag"] = [15.0] * u.mag, [0.001 if band == "B" else 0.02] * u.mag
    for name, ucd in (("RAJ2000", "pos.eq.ra;meta.main"), ("DEJ2000", "pos.eq.dec;meta.main")):
        table[name].unit = "deg"
        if ucds:
            table[name].meta["ucd"] = ucd
        table.rename_column(name, labels.get(name, name))
    found = vizier.to_schema(table, surveys.get("URAT-1"))
    assert (found["ra_deg"][0], found["dec_deg"][0]) == (150.1, 2.2)
    assert np.isnan(found["e_Bmag"][0]) and found["e_Vmag"][0] == 0.02  # 0.001 is not an error there


def test_other_spellings_of_names_and_labels():
    assert surveys.named("usno-b1.0") == "USNO-B1" and surveys.named("Gaia-dr1") == "GAIA-DR1"
    for name in ("GAIA-DR1", "TGAS"):
        labels = {label for column in surveys.get(name).columns for label in (column.label, *column.spellings)}
        assert {"<Gmag>", "Gmag", "__Gmag_"} <= labels
    asked = vizier._query(surveys.get("GSPC"), 17.0, 10).columns
    assert {"E(BP/RP)corr", "E_BP_RP_corr"} <= set(asked)


def test_catalogues_without_good_positions_are_refused_for_the_registration_with_the_reason():
    for name, why in (("APASS9", "0.3 arcsec"), ("gspc", "neither errors"), ("VSX", "variable stars alone")):
        with pytest.raises(UsageError, match=f"not meant for the registration: .*{why}.*; use GAIA"):
            RegisterOptions.chosen(cat=name)
    assert all(survey.key or survey.not_for_registration for survey in surveys.SURVEYS.values())
    assert RegisterOptions.chosen(cat="gaia").cat == ("GAIA",)


def test_the_help_of_pp_calibrate_lists_the_catalogues_and_their_bands():
    told = dict(re.findall(r"^  ([A-Z]\S+|2MASS) {2,}(\S.*)$", pp_calibrate.__doc__, re.MULTILINE))
    found = {}
    for line in told:
        for name in line.split(","):
            found[surveys.canonical(name)] = told[line].split()
    expected = {name: [*survey.bands] for name, survey in surveys.SURVEYS.items() if survey.bands}
    assert found == expected


def test_old_spelling_of_labels_is_understood():
    assert vizier.plain_label("2MASS") == "_2MASS"
    assert vizier.plain_label("<Gmag>") == "_Gmag_"
    assert vizier.plain_label("E(BP/RP)") == "E_BP_RP_"
    assert vizier.plain_label("f.mag") == "f.mag"


@pytest.mark.filterwarnings("error")
def test_a_number_beyond_all_is_a_missing_one():
    assert str(vizier.floats(np.ma.array([1.5, 1e99, -1e38, 7.0], mask=[0, 0, 0, 1]), "x")) == "[1.5 nan nan nan]"


def test_sentinels_are_missing_band_by_band():
    stars = starlist.make("SDSS-R9", 3, 150, 2, 0.2)
    stars["umag"][0], stars["e_umag"][1], stars["gmag"][2] = -9999, -9999, 99.999
    back = read(surveys.get("SDSS-R9"), stars)
    assert np.isnan(back["umag"]).tolist() == [True, False, False]
    assert np.isnan(back["e_umag"]).tolist() == [False, True, False]
    assert np.isnan(back["gmag"]).tolist() == [False, False, True]
    assert np.isfinite(back["rmag"]).all()


def test_zero_error_of_apass_is_unknown_and_not_perfect():
    stars = starlist.make("APASS9", 2, 150, 2, 0.2)
    stars["e_Vmag"][0] = 0
    assert np.isnan(read(apass.APASS9, stars)["e_Vmag"]).tolist() == [True, False]


def test_sdss_is_put_on_the_ab_system_and_taken_off_for_transformations():
    served = Table({"upmag": [18.90], "zpmag": [16.5]})
    stars = starlist.make("SDSS-R9", 1, 150, 2, 0.2)
    stars["umag"], stars["zmag"] = 18.86, 16.52  # AB
    assert local.as_vizier(sdss.R9, stars)["upmag"][0] == pytest.approx(served["upmag"][0])
    assert local.as_vizier(sdss.R9, stars)["zpmag"][0] == pytest.approx(served["zpmag"][0])
    assert sdss.as_measured(read(sdss.R9, stars))["umag"][0] == pytest.approx(18.90)


def test_error_ellipse_of_2mass():
    stars = starlist.make("2MASS", 1, 150, 2, 0.2)
    stars["flag_err_major"], stars["flag_err_minor"], stars["flag_err_angle"] = 0.08, 0.06, 30.0
    back = read(twomass.TWOMASS, stars)
    assert back["e_ra_deg"][0] * 3600 == pytest.approx(0.0656, abs=5e-5)
    assert back["e_dec_deg"][0] * 3600 == pytest.approx(0.0755, abs=5e-5)


def test_dates_become_years():
    stars = starlist.make("PANSTARRS", 1, 150, 2, 0.2)
    stars["epoch_yr"] = 2013.25
    assert local.as_vizier(panstarrs.PANSTARRS, stars)["Epoch"][0] == pytest.approx(56384.0625)
    assert read(panstarrs.PANSTARRS, stars)["epoch_yr"][0] == pytest.approx(2013.25, abs=1e-6)


def test_identifiers_keep_all_their_digits():
    stars = starlist.make("GAIA", 3, 150, 2, 0.2)
    assert list(read(surveys.get("GAIA"), stars)["ident"]) == [str(2**62), str(2**62 + 1), str(2**62 + 2)]


def test_quality_cuts_of_panstarrs():
    stars = starlist.make("PANSTARRS", 7, 150, 2, 0.2)
    stars["ip1mag"] = 17.0
    stars["flag_kron_i"] = [17.0, 16.9, 17.0, 17.0, 17.0, 17.0, np.nan]
    stars["flag_quality"] = [52, 52, 53, 48, 52, 180, np.nan]
    stars["flag_detections"] = [20, 20, 20, 20, 2, 20, np.nan]
    # sound, galaxy by light, extended, no good measurement, seen twice, poor stack, nothing known
    assert panstarrs.good_photometry(stars).tolist() == [True, False, False, False, False, False, True]
    stars["e_rp1mag"] = 0.031
    assert not panstarrs.good_photometry(stars).any()


def test_quality_cuts_of_gaia():
    stars = starlist.make("GAIA", 6, 150, 2, 0.2)
    stars["Gmag"], stars["BPmag"], stars["RPmag"] = 15.0, 15.4, 14.4
    normal = 1.162004 + 0.011464 + 0.049255 - 0.005879  # at BP - RP = 1
    stars["flag_excess"] = [normal, normal + 0.1, normal, normal, normal, np.nan]
    stars["flag_ruwe"] = [1.0, 1.0, 1.5, 1.0, 1.0, np.nan]
    stars["flag_dup"] = [0, 0, 0, 1, 0, 0]
    stars["flag_variable"] = ["NOT_AVAILABLE", "", "", "", "VARIABLE", ""]
    assert gaia.good_dr3_photometry(stars).tolist() == [True, False, False, False, False, True]
    assert gaia.good_positions(stars).tolist() == [True, True, False, False, True, True]


def test_stars_without_proper_motion_are_left_out_only_where_there_are_many():
    few, many = starlist.make("GAIA", 40, 150, 2, 0.2), starlist.make("GAIA", 100, 150, 2, 0.2)
    few["pmra"][:10] = np.nan
    many["pmra"][:10] = np.nan
    assert gaia.good_positions(few).sum() == 40
    assert gaia.good_positions(many).sum() == 90


def test_apass_lists_a_star_in_two_fields_once():
    stars = starlist.make("APASS9", 3, 150, 2, 0.2)
    stars["Vmag"] = 14.0
    stars["ra_deg"], stars["dec_deg"] = [359.99999, 0.00001, 0.1], [10.0, 10.0, 10.0]
    assert apass.good_photometry(stars).tolist() == [True, False, True]


@pytest.mark.skipif(not RECORDED.exists(), reason="recorded answers are not here")
@pytest.mark.parametrize(
    ("file", "name", "rows"), [("all_apass_ey_uma.ecsv", "APASS9", 54), ("all_refcat2_ey_uma.ecsv", "REFCAT2", 187)]
)
def test_real_answers_have_the_names_and_units_of_the_sheets(file, name, rows, caplog):
    served = Table.read(RECORDED / file)
    with caplog.at_level(logging.WARNING):
        table = vizier.to_schema(served, surveys.get(name))
    assert len(table) == rows
    assert "instead of" not in caplog.text
    assert np.isfinite(table["Vmag" if name == "APASS9" else "rp1mag"]).sum() > 40
    if name == "APASS9":
        assert 0.02 < np.nanmedian(table["e_ra_deg"]) * 3600 < 2
    else:
        assert 1 < np.nanmedian(np.abs(table["pmra"])) < 50
        by_t12, by_g2 = (v_magnitude(table, set_id) for set_id in ("T12", "G2"))
        bright = np.asarray(table["Gmag"]) < 17
        assert abs(np.nanmedian((by_t12 - by_g2)[bright])) < 0.03  # two ways from different magnitudes to V


@pytest.mark.skipif(not RECORDED.exists(), reason="recorded answers are not here")
def test_a_real_answer_of_the_variable_star_index_is_read():
    served = Table.read(RECORDED / "unclipped_ey_uma_vsx.fits")
    served.rename_columns(["id", "ra", "dec", "mag", "passband"], ["Name", "RAJ2000", "DEJ2000", "max", "n_max"])
    for name in ("Name", "n_max", "Type"):
        served[name] = np.char.decode(np.ma.filled(served[name], b"").astype("S"))
    table = vizier.to_schema(served, surveys.get("VSX"))
    assert len(table) == 39 and len(set(table["ident"])) == 39
    row = table[list(table["name"]).index("EY UMa")]
    assert row["type"] == "RRAB/BL" and row["period_d"] == pytest.approx(0.549, abs=0.001)  # an RR Lyrae star
    assert (row["ra_deg"], row["dec_deg"]) == pytest.approx((135.58, 49.82), abs=0.05)


@pytest.mark.skipif(not RECORDED.exists(), reason="recorded answers are not here")
def test_ways_from_pan_starrs_to_johnson_on_real_stars():
    lines = (RECORDED / "atlas_refcat2_megacam_fields.dat").read_text().splitlines()
    rows = np.array([[float(line.split()[column]) for column in (8, 21, 25, 29, 33)] for line in lines[1:]])
    values = dict(zip(("Gmag", "gp1mag", "rp1mag", "ip1mag", "zp1mag"), rows.T, strict=True))
    color = values["gp1mag"] - values["rp1mag"]
    good = (values["gp1mag"] < 18) & (values["gp1mag"] > 14) & (color > 0.2) & (color < 0.8)
    values = {name: mags[good] for name, mags in values.items()}
    assert good.sum() > 200
    errors = dict.fromkeys(values, 0.0)
    made = {
        (set_id, band): colorterms.transform(colorterms.find([set_id], band), values, errors)[0]
        for set_id in ("T12", "KB18", "STD-PS1")
        for band in "BVRI"
    }
    # the fit to Stetson's standards is brighter: 0.01-0.02 in V, 0.02-0.05 in B and R, 0.02-0.03 in I; stdpipe's is not
    for band, (low, high) in {"B": (0.01, 0.05), "V": (0.005, 0.02), "R": (0.015, 0.04), "I": (0.015, 0.03)}.items():
        assert low < np.nanmedian(made["T12", band] - made["KB18", band]) < high, band
        assert abs(np.nanmedian(made["T12", band] - made["STD-PS1", band])) < 0.015, band


def v_magnitude(table, set_id):
    relations = colorterms.find([set_id], "V")
    values = {name: np.asarray(table[name], dtype=float) for name in relations[0].inputs}
    return colorterms.transform(relations, values, dict.fromkeys(values, 0.0))[0]


def test_the_page_of_the_bands_is_up_to_date():
    code = "import sys; sys.path.insert(0, 'tools'); import bands_page; sys.stdout.write(bands_page.page())"
    written = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert written == (ROOT / "docs" / "bands.md").read_text(), "docs/bands.md: run `make docs`"
    rows = [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith("| ")]
    cells = {(row[0], band): cell for row in rows for band, cell in zip(header_above(written, row), row, strict=False)}
    assert cells["REFCAT2", "V"] == cells["PANSTARRS", "R"] == "T12"
    assert cells["APASS9", "V"] == "N" and cells["APASS9", "R"] == "CG08-APASS"
    assert cells["SDSS-R9", "z"] == "N" and ("SDSS-R9", "gp1") not in cells


def header_above(page, row):
    lines = page.splitlines()
    index = next(number for number, line in enumerate(lines) if line.strip("| ").split(" | ") == row)
    while not lines[index].startswith("| catalogue"):
        index -= 1
        if index < 0:
            return []
    return lines[index].strip("| ").split(" | ")
