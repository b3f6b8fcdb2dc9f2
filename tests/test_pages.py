"""How the pages write numbers and times."""

from photometrypipeline import pages


def test_formats_of_numbers_and_times():
    assert pages.utc(2457786.95663722) == "2017-02-02 10:57"
    assert pages.utc(2451544.9999999) == "2000-01-01 11:59"
    assert [pages.utc(value) for value in (None, float("nan"), 1e300, "x")] == ["—"] * 4
    assert pages.plusminus(19.41684, 0.03083, 2) == "19.42 ± 0.03"
    assert pages.plusminus(19.4, None, 1) == "19.4"
    assert pages.sexagesimal(359.9999999, hours=True) == "00 00 00.00"
    assert [pages.signed(value, 2) for value in (-0.004, -0.006, 0.3, None)] == ["+0.00", "-0.01", "+0.30", "—"]
    assert pages.sexagesimal(-0.2) == "-00 12 00.0"
    assert pages.sexagesimal(83.82208, hours=True) == "05 35 17.30"  # the Orion Nebula, M 42
