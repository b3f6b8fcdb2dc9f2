"""What SCAMP gets: sources of the whole frame, bright and unsaturated, and how finely it has to look."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.frames.ldac import SourceList
from photometrypipeline.programs.scampfit import Limits
from photometrypipeline.registration import scampinput


def sources_of(x, y, flux, flags=0):
    table = {"XWIN_IMAGE": x, "YWIN_IMAGE": y, "FLUX_ISOCOR": flux, "FLAGS": np.broadcast_to(flags, np.shape(flux))}
    return SourceList(fits.Header(), Table({name: np.array(values) for name, values in table.items()}))


def test_a_cluster_does_not_take_all_the_places():
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.uniform(90, 110, 1000), rng.uniform(0.5, 1000.5, 1000)])
    y = np.concatenate([rng.uniform(90, 110, 1000), rng.uniform(0.5, 1000.5, 1000)])
    sources = sources_of(x, y, np.concatenate([rng.uniform(10, 20, 1000), rng.uniform(1, 2, 1000)]))
    chosen = scampinput.well_spread(sources, (1000, 1000)).table
    assert len(chosen) == scampinput.MOST_SOURCES
    counts, *_ = np.histogram2d(chosen["XWIN_IMAGE"], chosen["YWIN_IMAGE"], bins=5, range=[[0.5, 1000.5]] * 2)
    assert counts.min() == counts.max() == 16
    assert np.sort(chosen["FLUX_ISOCOR"])[-16:].tolist() == np.sort(sources.table["FLUX_ISOCOR"])[-16:].tolist()


def test_all_sources_of_half_a_frame_are_taken_before_saturated_ones():
    rng = np.random.default_rng(6)
    flux = rng.uniform(1, 2, 600)
    flags = np.where(np.arange(600) < 300, 4, 0)
    sources = sources_of(rng.uniform(1, 400, 600), rng.uniform(1, 1000, 600), flux, flags)
    chosen = scampinput.well_spread(sources, (1000, 1000))
    assert np.count_nonzero(chosen.table["FLAGS"] == 0) == 300
    assert len(chosen) == scampinput.MOST_SOURCES


@pytest.mark.parametrize(
    ("side_px", "n_matched", "resolution_px"),
    [(1024, 500, 2), (4096, 500, 8), (4096, 50, 4), (4096, 12, 2), (256, 500, 2)],
)
def test_large_frames_with_many_stars_are_matched_in_as_many_steps_as_small_ones(side_px, n_matched, resolution_px):
    limits = Limits(0.5, side_px, n_matched)
    assert limits.resolution_px == resolution_px
    assert limits.radius_arcsec == pytest.approx(1.0)
    assert Limits(2.0, side_px, n_matched).radius_arcsec >= 2.0 * max(1, resolution_px / 4)
