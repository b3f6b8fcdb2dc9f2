"""Result files on the first screen: all that belong to the target, and how to make the report that is missing."""

import fakerun
from photometrypipeline.reports.reportsettings import ReportSettings
from photometrypipeline.website import downloads
from website import view_of


def test_files_of_a_name_with_blanks_are_found_and_the_report_is_offered_until_it_is_there(tmp_path):
    field = fakerun.Field(n_frames=2)
    distill = fakerun.distill(field)
    first = distill["targets"][0]
    first.name, first.file, first.kind = "2015 AB 1", "photometry_2015_AB_1.dat", "primary"
    view = view_of({"distill": distill})
    for name in (first.file, "lightcurve_2015_AB_1.csv", "lightcurve_2015_AB_1.alcdef.txt", "lightcurve_other.csv"):
        (tmp_path / name).touch()

    def shown():
        known = downloads.paths(view, tmp_path, tmp_path)
        return downloads.of_lead(view, known, tmp_path), [
            (offer.command, offer.lacks) for offer in downloads.offers(view, known, tmp_path, ReportSettings())
        ]

    own = [first.file, "lightcurve_2015_AB_1.csv", "lightcurve_2015_AB_1.alcdef.txt"]
    lacks = f"submitter, observers, measurers, design and aperture_m of {first.rows[0].telescope}"
    assert shown() == (own, [(f"pptool_mpcreport -format psv {first.file}", lacks)])
    (tmp_path / "mpc_astrometry.psv").touch()
    assert shown() == ([*own, "mpc_astrometry.psv"], [])
    (tmp_path / "mpc_astrometry.psv").unlink()
    first.kind = "fixed"
    assert shown() == (own, [(f"pptool_lightcurve -format aavso {first.file}", "aavso_code")])
