"""From light curves to a rotation period, an amplitude and a phase curve."""
