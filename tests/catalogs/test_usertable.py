"""A user's own table of reference stars: usual names, a file that names the columns, and clear words if that fails."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from catalog import Catalog
from photometrypipeline.base.errors import BandNotAvailable, CatalogError, UsageError
from photometrypipeline.catalogs import surveys, usertable
from photometrypipeline.runs import optionchecks, recipes

TYCHO = Path(__file__).resolve().parents[1].parent.parent / "shared" / "data" / "anacostia" / "tycho2_anacostia.csv"


@pytest.fixture
def stars():
    table = Table({"RA_ICRS": [10.5, 10.6], "DE_ICRS": [-3.0, -3.1]})
    table["e_RA_ICRS"] = [36.0, 72.0] * u.mas
    table["Vmag"] = [15.0, 99.999]
    table["e_Vmag"] = [0.02, 99.999]
    table["pmRA"] = [100.0, 0.0] * u.mas / u.yr
    table["pmDE"] = [-50.0, 0.0] * u.mas / u.yr
    table["Epoch"] = [2016.0, 2016.0]
    return table


@pytest.mark.parametrize(("name", "form"), [("s.fits", "fits"), ("s.vot", "votable"), ("s.ecsv", "ascii.ecsv")])
def test_all_formats_give_the_same(tmp_path, stars, name, form):
    stars.write(tmp_path / name, format=form)
    user = usertable.read(tmp_path / name)
    assert user.bands == {"V": "Vmag"}
    assert user.systems == {"V": "Vega"}
    assert user.table["e_ra_deg"][0] == pytest.approx(1e-5)
    assert np.isnan(user.table["Vmag"]).tolist() == [False, True]
    moved = Catalog.read(tmp_path / name).at_epoch(2026.0)
    assert moved.table["dec_deg"][0] == pytest.approx(-3.0 - 0.5 / 3600, abs=1e-9)


def test_csv_without_units(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(
        "id,ra,dec,mag_r,magerr_r,B,e_B\n7,10.0,20.0,15.5,0.02,16.5,0.03\n8,10.1,20.1,15.6,0.02,16.7,0.03\n"
    )
    user = usertable.read(path)
    assert user.bands == {"r": "rmag", "B": "Bmag"}
    assert list(user.table["e_rmag"]) == [0.02, 0.02]
    assert list(user.table["ident"]) == ["7", "8"]
    assert list(user.table["mag"]) == [15.5, 15.6]
    assert user.systems == {"r": "AB", "B": "Vega"}


def test_sexagesimal_positions(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("RAJ2000,DEJ2000,Rmag,e_Rmag\n10:00:00.0,-05:30:00,15.5,0.02\n")
    table = usertable.read(path).table
    assert table["ra_deg"][0] == pytest.approx(150.0)
    assert table["dec_deg"][0] == pytest.approx(-5.5)


def test_missing_columns_are_listed(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("x,y,dec\n1,2,3\n")
    message = r"ra_deg and a magnitude.*not found among the columns x, y, dec.*columns\.toml"
    with pytest.raises(CatalogError, match=message):
        usertable.read(path)


def test_sidecar_names_columns_units_and_constants(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("alpha2,delta2,sig,VT,t\n10.0,20.0,50,12.0,57388.5\n")
    sidecar = tmp_path / "stars.columns.toml"
    sidecar.write_text(
        'ra_deg = "alpha2"\ndec_deg = "delta2"\ne_ra_deg = ["sig", "mas"]\nepoch_yr = "t"\nVmag = "VT"\ne_Vmag = 0.05\n'
        '[systems]\nV = "AB"\n'
    )
    user = usertable.read(path)
    assert user.table["e_ra_deg"][0] * 3.6e6 == pytest.approx(50)
    assert user.table["epoch_yr"][0] == pytest.approx(2016.0, abs=0.01)  # an MJD
    assert (user.table["Vmag"][0], user.table["e_Vmag"][0], user.systems["V"]) == (12.0, 0.05, "AB")


def test_a_table_that_allows_relations_gives_other_bands(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(
        "ra,dec,gp1mag,e_gp1mag,rp1mag,e_rp1mag\n10.0,20.0,17.5,0.01,17.0,0.01\n10.1,20.1,17.5,0.01,17.0,0.01\n"
    )
    with pytest.raises(BandNotAvailable, match="no band V; it has gp1, rp1$"):
        Catalog.read(path).in_band("V")
    (tmp_path / "stars.columns.toml").write_text('relations = ["T12"]\n')
    stars = Catalog.read(path)
    found, mag, _ = stars.in_band("V")
    assert found.values(mag) == pytest.approx(17.23925)
    assert found.systems["V"] == "Vega" and found.history.endswith("by T12")
    with pytest.raises(BandNotAvailable, match="by transformation B, V, R$"):  # the others look at r - i
        stars.in_band("I")


def test_a_changed_sidecar_makes_a_step_be_done_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stars.csv").write_text("ra,dec,VT\n1,2,3.5\n")
    assert recipes.with_sidecars({"stars.csv"}) == {"stars.csv"}
    (tmp_path / "stars.columns.toml").write_text('Vmag = "VT"\n')
    assert recipes.with_sidecars({"stars.csv"}) == {"stars.csv", "stars.columns.toml"}


def test_any_band_of_any_catalogue_may_stand_in_a_table(tmp_path):
    bands = [band for survey in surveys.SURVEYS.values() for band in survey.bands]
    names = [f"{band}mag" for band in dict.fromkeys(bands)]
    columns = ["ra", "dec", *names, *(f"e_{name}" for name in names)]
    numbers = ["10", "20", *(f"{12 + 0.1 * k:.2f}" for k in range(len(names))), *["0.02"] * len(names)]
    (tmp_path / "stars.csv").write_text(",".join(columns) + "\n" + "\n".join([",".join(numbers)] * 3) + "\n")
    user = usertable.read(tmp_path / "stars.csv")
    assert set(bands) <= set(user.bands)
    for number, name in enumerate(names):
        assert user.table[name][0] == pytest.approx(12 + 0.1 * number), name
        assert user.table[f"e_{name}"][0] == 0.02, name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('Vmag = "nothing"', "nothing.*has the columns ra, dec, VT"),
        ('ra_dge = "ra"', "ra_dge is not a column that is known here, perhaps ra_deg"),
        ("Vmag = ", "cannot be read"),
        ('relations = ["T13"]', "T13 is unknown; there are CG08"),
        ('Vmag = ["VT", "furlong"]', "column VT cannot be used as Vmag"),
    ],
)
def test_mistakes_in_the_sidecar_are_explained(tmp_path, text, message):
    (tmp_path / "stars.csv").write_text("ra,dec,VT\n1,2,3.5\n")
    (tmp_path / "stars.csv.columns.toml").write_text(text)
    with pytest.raises(CatalogError, match=message):
        usertable.read(tmp_path / "stars.csv")


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02\xff", b"1.0,2.0,15.0\n1.1,2.1,15.1\n", b"SIMPLE  = but not a FITS file"]
)
def test_files_that_are_no_tables(tmp_path, content):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"broken\.csv"):
        usertable.read(path)


def test_flags_and_crowding_radii_are_no_magnitudes():
    columns = ["ra", "dec", "rp1", "e_RA", "Vmag", "e_Vmag", "g'mag", "e_g'mag", "phot_g_mean_mag"]
    found = usertable.recognised(columns)
    assert {name: found[name] for name in found if name.endswith("mag")} == {
        "Vmag": "Vmag",
        "e_Vmag": "e_Vmag",
        "gmag": "g'mag",
        "e_gmag": "e_g'mag",
        "Gmag": "phot_g_mean_mag",
    }


def test_reference_file_of_scamp_is_understood(tmp_path):
    columns = [
        fits.Column("X_WORLD", "1D", "deg", array=[10.0]),
        fits.Column("Y_WORLD", "1D", "deg", array=[20.0]),
        fits.Column("ERRA_WORLD", "1E", "deg", array=[1e-6]),
        fits.Column("MAG", "1E", "mag", array=[15.0]),
        fits.Column("OBSDATE", "1D", "yr", array=[2015.5]),
    ]
    note = fits.BinTableHDU.from_columns([fits.Column("Field Header Card", "80A", array=["x"])], name="LDAC_IMHEAD")
    objects = fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS")
    fits.HDUList([fits.PrimaryHDU(), note, objects]).writeto(tmp_path / "ref.cat")
    user = usertable.read(tmp_path / "ref.cat")
    assert (user.table["ra_deg"][0], user.table["mag"][0], user.table["epoch_yr"][0]) == (10.0, 15.0, 2015.5)
    assert user.bands == {}


@pytest.mark.skipif(not TYCHO.exists(), reason="the real table is not here")
def test_tycho_stars_serve_in_v(tmp_path):
    path = tmp_path / TYCHO.name
    path.symlink_to(TYCHO)
    with pytest.raises(CatalogError, match="VT_mag"):
        Catalog.read(path)
    (tmp_path / "tycho2_anacostia.columns.toml").write_text('Vmag = "VT_mag"\ne_Vmag = 0.1\nepoch_yr = 2000.0\n')
    catalog, mag, err = Catalog.read(path).in_band("V")
    assert len(catalog) == 386
    assert (mag, err) == ("Vmag", "e_Vmag")
    assert catalog.relation_scatter("V") == 0
    assert set(catalog.table["e_Vmag"]) == {0.1}


VIZIER_TSV = """\
#
#   VizieR Astronomical Server
#Column\tVmag\t(F6.3)\tJohnson V

RAJ2000\tDEJ2000\te_RAJ2000\tVmag\te_Vmag
deg\tdeg\tmas\tmag\tmmag
----------\t----------\t---\t------\t-----
 10.000000\t+20.000000\t 36\t12.000\t 10.0
 10.100000\t+20.000000\t   \t      \t
"""
EXPORTS = {
    "gaia.csv": "source_id,ra,dec,pmra,Vmag,e_Vmag\n1,10.0,20.0,null,12.0,0.01\n2,10.1,20.0,3.0,null,null\n",
    "mast.csv": "ID,ra,dec,Vmag,e_Vmag\n1,10.0,20.0,12.0,0.01\n2,10.1,20.0,-999.0,-999.0\n",
    "casjobs.csv": "ID,ra,dec,Vmag,e_Vmag\n1,10.0,20.0,12.0,0.01\n2,10.1,20.0,NULL,NULL\n",
    "tap.csv": '"ra","dec","Vmag","e_Vmag"\n"10.0","20.0","12.0","0.01"\n"10.1","20.0","",""\n',
    "vizier.tsv": VIZIER_TSV,
    "asu.csv": "#RESOURCE=yCat\n_RAJ2000;_DEJ2000;Vmag;e_Vmag\ndeg;deg;mag;mag\n---;---;---;---\n10.0;20.0;12.0;0.01\n"
    "10.1;20.0; ; \n",
    "aladin.tsv": "_RAJ2000\t_DEJ2000\tVmag\te_Vmag\n---\t---\t---\t---\n10.0\t20.0\t12.0\t0.01\n10.1\t20.0\t\t\n",
    "tst.txt": "stars\n\n# of tonight\nra\tdec\tVmag\te_Vmag\n--\t---\t----\t------\n10.0\t20.0\t12.0\t0.01\n"
    "10.1\t20.0\t\t\n[EOD]\n",
    "topcat.txt": '# id  ra   dec  Vmag e_Vmag\n  1   10.0 20.0 12.0 0.01\n  2   10.1 20.0 ""   ""\n',
    "bars.txt": '#INFO\n_RAJ2000|_DEJ2000|RAJ2000|Vmag|e_Vmag\ndeg|deg|"h:m:s"|mag|mag\n'
    "--------|--------|-----------|------|------\n"
    "010.0000|+20.0000|00 40 00.00|12.000| 0.010\n010.1000|+20.0000|00 40 24.00|      |      \n",
    "widths.txt": '#INFO\n_RAJ2000 _DEJ2000 RAJ2000     Vmag   e_Vmag\ndeg      deg      "h:m:s"     mag    mag\n'
    "-------- -------- ----------- ------ ------\n010.0000 +20.0000 00 40 00.00 12.000  0.010\n"
    "010.1000 +20.0000 00 40 24.00              \n",
    "box.txt": "+------+------+------+--------+\n| ra   | dec  | Vmag | e_Vmag |\n+------+------+------+--------+\n"
    "| 10.0 | 20.0 | 12.0 | 0.01   |\n| 10.1 | 20.0 |      |        |\n+------+------+------+--------+\n",
    "fixed.txt": "|   ra |  dec | Vmag | e_Vmag |\n| 10.0 | 20.0 | 12.0 |   0.01 |\n| 10.1 | 20.0 |   -- |     -- |\n",
    "index.csv": ",ra,dec,Vmag,e_Vmag\n0,10.0,20.0,12.0,0.01\n1,10.1,20.0,,\n",
    "ends.csv": "ra,dec,Vmag,e_Vmag,\n10.0,20.0,12.0,0.01,\n10.1,20.0,,,\n",
    "twice.csv": "ra,dec,Vmag,Vmag,e_Vmag\n10.0,20.0,12.0,13.0,0.01\n10.1,20.0,,12.0,\n",
    "komma.csv": "ra;dec;Vmag;e_Vmag\n10,0;20,0;12,0;0,01\n10,1;20,0;;\n",
    "brackets.csv": "Right Ascension (deg),Declination (deg),V mag,V mag error\n10.0,20.0,12.0,0.01\n10.1,20.0,,\n",
    "hours.csv": "RA (hours),Dec (degrees),Vmag,e_Vmag\n0.6666666666666667,20.0,12.0,0.01\n0.6733333333333333,20.0,,\n",
    "parts.csv": "RAh,RAm,RAs,DE-,DEd,DEm,DEs,Vmag,e_Vmag\n0,40,0,+,20,0,0,12.0,0.01\n0,40,24,+,20,0,0,,\n",
    "marks.csv": "\ufeffra,dec,Vmag,e_Vmag\n10.0,20.0,12.0,0.01\n10.1,20.0,--,n/a\n",
}
EXPORTS["irsa.tbl"] = """\
|  ra    |  dec   |  Vmag  | e_Vmag |
| double | double | double | double |
|        |        |        |        |
|  null  |  null  |  null  |  null  |
   10.0     20.0     12.0     0.01
   10.1     20.0     null     null
"""


@pytest.mark.parametrize("name", EXPORTS)
def test_what_archives_export_is_understood(tmp_path, name):
    """The same two stars; of the second no magnitude is known, by the mark that each archive has for that."""
    path = tmp_path / name
    path.write_text(EXPORTS[name], encoding="utf-8")
    table = usertable.read(path).table
    assert table["ra_deg"].tolist() == pytest.approx([10.0, 10.1], abs=1e-9)
    assert table["dec_deg"].tolist() == [20.0, 20.0]
    assert (table["Vmag"][0], table["e_Vmag"][0]) == (12.0, pytest.approx(0.01))
    assert np.isnan([table["Vmag"][1], table["e_Vmag"][1], table["mag"][1]]).all()
    if name == "vizier.tsv":
        assert table["e_ra_deg"][0] == pytest.approx(1e-5)


def gaia():
    """Return two stars as the archive of Gaia has them: no errors of magnitudes; BP of the second is missing."""
    stars = Table({"source_id": [4418, 4419], "ra": [10.0, 10.1], "dec": [20.0, 20.0], "ra_error": [0.02, 0.03]})
    stars["phot_g_mean_mag"], stars["phot_g_mean_flux_over_error"] = [15.0, 16.0], [100.0, 50.0]
    stars["phot_bp_mean_mag"] = MaskedColumn([15.4, 0.0], mask=[False, True])
    for name, unit in (("ra", "deg"), ("dec", "deg"), ("ra_error", "mas"), ("phot_g_mean_mag", "mag")):
        stars[name].unit = unit
    return stars


def in_form(form, folder):
    """Return the content (bytes) of a file with the stars of `gaia`, as archives, TOPCAT and Aladin save it."""
    path = folder / "made"
    kind, _, packed = form.partition(".")
    if kind.startswith("votable"):
        gaia().write(path, format="votable", tabledata_format=kind.partition("-")[2])
    else:
        gaia().write(path, format={"ecsv": "ascii.ecsv", "null": "ascii.ecsv", "csv": "ascii.csv"}.get(kind, kind))
    content = path.read_bytes()
    if kind == "null":  # the mark of the archive of Gaia
        content = content.replace(b'""', b"null")
        assert b"null" in content
    return gzip.compress(content) if packed else content


@pytest.mark.parametrize(
    "form",
    ["fits", "fits.gz", "votable-tabledata", "votable-binary2.gz", "ecsv", "ecsv.gz", "null", "csv", "csv.gz"],
)
def test_every_form_of_an_archive_is_the_same_table(tmp_path, form):
    path = tmp_path / "stars"
    path.write_bytes(in_form(form, tmp_path))
    table = usertable.read(path).table
    assert table["ra_deg"].tolist() == [10.0, 10.1] and table["e_Gmag"][1] == pytest.approx(0.0217, abs=1e-4)
    assert table["BPmag"][0] == 15.4 and np.isnan(table["BPmag"][1])
    assert table["e_ra_deg"][0] == pytest.approx(0.02 / 3.6e6)  # CSV has no units, but these names are Gaia's


def test_the_archives_names_of_columns(tmp_path):
    """Gaia's own export has no errors of magnitudes, but a flux over its error: 100 is 0.0109 mag."""
    path = tmp_path / "stars.csv"
    path.write_text("source_id,ra,dec,phot_g_mean_mag,phot_g_mean_flux_over_error\n4418,10.0,20.0,15.0,100.0\n")
    assert usertable.read(path).table["e_Gmag"][0] == pytest.approx(0.010857, abs=1e-6)
    path.write_text("objID,raMean,decMean,gMeanPSFMag,gMeanPSFMagErr\n1,10.0,20.0,15.0,0.01\n")
    assert usertable.read(path).bands == {"gp1": "gp1mag"}


def test_magnitudes_without_a_sensible_error_calibrate_nothing(tmp_path, caplog):
    path = tmp_path / "stars.csv"
    rows = [f"{10 + number / 10},20.0,15.0,{error}" for number, error in enumerate(("0.02", "0.0", "9.99", "-99", ""))]
    path.write_text("\n".join(["ra,dec,Vmag,e_Vmag", *rows]))
    assert np.isfinite(usertable.read(path).table["e_Vmag"]).tolist() == [True, False, False, False, False]
    assert "4 magnitudes in V have no sensible error" in caplog.text


def test_a_broken_card_of_a_fits_table_is_told_in_one_line(tmp_path, stars):
    path = tmp_path / "stars.fits"
    stars.write(path)
    path.write_bytes(path.read_bytes().replace(b"TFORM2  = 'D ", b"TFORM2  = D' "))
    with pytest.raises(CatalogError, match=r"stars.fits: cannot be read as FITS, .*TFORM2") as caught:
        usertable.read(path)
    assert "\n" not in str(caught.value)


def test_the_longest_table_of_a_votable_is_taken(tmp_path, stars, caplog):
    stars[:1].write(tmp_path / "short.vot", format="votable")
    stars.write(tmp_path / "long.vot", format="votable")
    short, long = (parse(str(tmp_path / name)) for name in ("short.vot", "long.vot"))
    short.resources.extend(long.resources)
    short.to_xml(str(tmp_path / "both.vot"))
    assert len(usertable.read(tmp_path / "both.vot").table) == 2
    assert "it contains 2 tables; the longest is taken" in caplog.text


def test_a_row_that_does_not_fit_is_named(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("ra,dec,Vmag,e_Vmag\n10.0,20.0,15.0,0.02\n10.1,20.0,15.0\n")
    with pytest.raises(CatalogError, match="line 3 has 3 cells, but there are 4 columns"):
        usertable.read(path)


def test_sexagesimal_places_may_be_missing(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("RAJ2000,DEJ2000,Rmag\n10:00:00.0,-05:30:00,15.5\nnull,null,15.0\n")
    assert usertable.read(path).table["ra_deg"].tolist() == [pytest.approx(150.0)]


def test_declinations_in_parts_have_a_sign_and_columns_of_dashes_are_missing(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("RAh,RAm,RAs,DE-,DEd,DEm,DEs,Vmag,e_Vmag\n0,40,0,-,0,30,0,12.0,-\n0,40,24,-,20,0,0,12.5,-\n")
    table = usertable.read(path).table
    assert table["dec_deg"].tolist() == [-0.5, -20.0] and np.isnan(table["e_Vmag"]).all()


def test_numbers_that_stand_as_text_are_degrees_and_hours_are_told_by_their_unit(tmp_path):
    stars = Table({"ra": ["150.0", "150.1"], "dec": ["-2.5", "-2.6"], "V": [12.0, 13.0], "e_V": [0.01, 0.01]})
    stars.write(tmp_path / "text.vot", format="votable")
    assert usertable.read(tmp_path / "text.vot").table["ra_deg"].tolist() == [150.0, 150.1]
    hours = Table({"ra": [10.0, 10.1], "dec": [-2.5, -2.6], "V": [12.0, 13.0]})
    hours["ra"].unit = "h"
    hours.write(tmp_path / "hours.fits")
    assert usertable.read(tmp_path / "hours.fits").table["ra_deg"].tolist() == pytest.approx([150.0, 151.5])


def test_places_and_times_of_astropy_in_one_column(tmp_path):
    stars = QTable({"coord": SkyCoord([10.0, 10.1], [20.0, 20.0], unit="deg"), "Vmag": [12.0, 13.0] * u.mag})
    stars["epoch"] = Time([2015.5, 2015.5], format="jyear")
    stars.write(tmp_path / "stars.ecsv")
    table = usertable.read(tmp_path / "stars.ecsv").table
    assert table["ra_deg"].tolist() == [10.0, 10.1] and table["epoch_yr"].tolist() == [2015.5, 2015.5]


def test_names_of_archives_in_any_letters_and_epochs_with_a_j(tmp_path):
    stars = gaia()
    stars["ref_epoch"] = ["J2016.0", "J2016.0"]
    stars.rename_columns(stars.colnames, [name.upper() for name in stars.colnames])
    for name in stars.colnames:
        stars[name].unit = None
    stars.write(tmp_path / "stars.fits")
    table = usertable.read(tmp_path / "stars.fits").table
    assert table["e_Gmag"][1] == pytest.approx(0.0217, abs=1e-4) and table["epoch_yr"][0] == 2016.0
    assert table["e_ra_deg"][0] == pytest.approx(0.02 / 3.6e6)


def test_text_of_excel_is_utf_16(tmp_path):
    (tmp_path / "stars.txt").write_bytes("ra\tdec\tVmag\te_Vmag\r\n10.0\t20.0\t12.0\t0.01\r\n".encode("utf-16"))
    assert usertable.read(tmp_path / "stars.txt").table["Vmag"].tolist() == [12.0]


REFUSED = {
    b"PAR1\0\0": "it is Parquet; save it as CSV",
    b"PK\x03\x04\0": "a file of Excel; save it as CSV",
    b"\x89HDF\r\n": "it is HDF5",
    b"<!DOCTYPE html><html>": "it is a web page",
    b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">no such table</INFO></RESOURCE></VOTABLE>': (
        "no table but an error: no such table"
    ),
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_no_table_is_named_before_any_work(tmp_path, content):
    path = tmp_path / "stars"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=REFUSED[content]):
        optionchecks.photometric_catalogs(str(path))


def test_a_table_without_stars_is_refused(tmp_path):
    (tmp_path / "stars.csv").write_text("ra,dec,Vmag\n")
    with pytest.raises(UsageError, match="there is no star with a position in it"):
        optionchecks.astrometric_catalogs(str(tmp_path / "stars.csv"))
