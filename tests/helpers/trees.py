"""A tree of twelve data sets, eight of which lead to a light curve."""

import shutil

import sky

GOOD = ("2017/a", "2017/b", "2017/c", "2018/d", "2018/e", "2018/f", "2018/one bad frame", "single")
BAD = ("no stars", "two filters", "unreadable", "empty")


def make(root):
    """Write the tree into the folder `root`; returns the Truth of the good data sets, which are alike."""
    small = {"size": (400, 400), "n_stars": 70, "seed": 3}
    truth = sky.make_dataset(root / GOOD[0], 2, **small)
    for name in GOOD[1:6]:
        shutil.copytree(root / GOOD[0], root / name)
    shutil.copytree(root / GOOD[0], root / GOOD[6])
    (root / GOOD[6] / "cut.fits").write_bytes(truth.paths[0].read_bytes()[:20000])
    shutil.copytree(root / GOOD[0], root / "single", ignore=shutil.ignore_patterns(truth.files[1]))
    sky.make_dataset(root / "no stars", 2, blank=(0, 1), store=False, **small)
    sky.make_dataset(
        root / "two filters", 4, filters=("TOP 3 BOT 1", "TOP 3 BOT 1", "TOP 2 BOT 1", "TOP 2 BOT 1"), **small
    )
    (root / "unreadable").mkdir()
    for number in range(2):
        (root / "unreadable" / f"frame{number}.fits").write_text("this is no image\n")
    (root / "empty").mkdir()
    return truth
