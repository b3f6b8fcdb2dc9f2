"""Region files: what was measured on a frame, where it is."""

from types import SimpleNamespace

import pp_distill
from photometrypipeline.frames.rows import LightCurve, Row
from photometrypipeline.reports import regions


def test_targets_and_stars_are_drawn_on_the_frame_that_they_are_on(tmp_path):
    stars = [SimpleNamespace(ra_deg=10.0, dec_deg=-0.5, used=used) for used in (True, False)]
    seen = Row(ldac="a.ldac", frame="a.fits", jd=2457786.5, ra_deg=10.1, dec_deg=0.25)
    unseen = Row(
        ldac="a.ldac",
        frame="a.fits",
        jd=2457786.5,
        ra_pred_deg=10.2,
        dec_pred_deg=0.3,
        detected=False,
        reason="not detected",
    )
    elsewhere = Row(ldac="b.ldac", frame="b.fits", jd=2457786.6, ra_deg=11.0, dec_deg=0.25)
    curves = [
        LightCurve("{3552}", "x.dat", "primary", "", "", [seen, elsewhere]),
        LightCurve("faint", "y.dat", "fixed", "", "", [unseen]),
    ]
    regions.write(tmp_path / "a.reg", stars, curves, "a.fits", 2.5)
    lines = (tmp_path / "a.reg").read_text().splitlines()
    assert lines[0] == "# Region file format: DS9 version 4.1" and lines[3] == "icrs"
    assert lines[4:] == [
        'circle(10.0000000,-0.5000000,2.50") # color=green',
        'circle(10.0000000,-0.5000000,2.50") # color=orange dash=1',
        'circle(10.1000000,+0.2500000,2.50") # color=red width=2 text={3552}',
        "point(10.2000000,+0.3000000) # point=x color=magenta width=2 text={faint}",
    ]


def test_a_frame_that_is_no_longer_measured_keeps_no_region_file(tmp_path):
    frames = [SimpleNamespace(name=f"{stem}.fits", stem=stem, header={}, number=lambda keyword: 0.4) for stem in "ab"]
    data = type("Data", (list,), {"folder": tmp_path})(frames)
    for frame in frames:
        (tmp_path / f"{frame.stem}.reg").write_text("of an earlier run")
    drawn = pp_distill.write_regions(data, [SimpleNamespace(frame=frames[0])], [])
    assert drawn == ["a.reg"] and sorted(path.name for path in tmp_path.glob("*.reg")) == ["a.reg"]
    assert "earlier" not in (tmp_path / "a.reg").read_text()
