import os

import numpy as np

from photometrypipeline.base import workers
from photometrypipeline.base.shelf import Shelf


def test_copies_of_the_process_put_things_on_one_shelf_at_the_same_time_and_all_are_found_again():
    shelf = Shelf()
    places = workers.side_by_side(lambda n: shelf.put(np.full(2000 + n, n)), range(60), 2, each=2)
    assert len(set(places)) == 60
    for n in reversed(range(60)):
        found = shelf.get(places[n])
        assert found.size == 2000 + n and (found == n).all()


def test_nothing_of_a_shelf_is_left_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shelf = Shelf()
    place = shelf.put({"a": 1})
    assert shelf.get(place) == {"a": 1} and os.listdir(tmp_path) == []
