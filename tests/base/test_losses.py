"""The summary of losses: each is named, and many for one reason leave it readable."""

from photometrypipeline.base.losses import Losses


def test_few_losses_have_a_line_each_and_many_for_one_reason_share_it():
    losses, names = Losses(), [f"frame{number:03d}.fits" for number in range(100)]
    losses.add("first.fits", "is truncated")
    for name in names:
        losses.add(name, "not registered: too few sources (3, more than 10 are needed)")
    losses.add("last.fits", "is truncated")
    lines = losses.summary()
    assert lines[:3] == [
        "102 losses:",
        "  first.fits: is truncated",
        "  100 of them: not registered: too few sources (3, more than 10 are needed)",
    ]
    assert lines[-1] == "  last.fits: is truncated" and len(lines) < 25
    assert all(len(line) <= 120 for line in lines) and all(name in "".join(lines) for name in names)
