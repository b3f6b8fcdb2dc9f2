"""Documents of services and archives that are damaged anywhere are refused in one way."""

import io

import pytest
from astropy.table import Table

from photometrypipeline.catalogs import votables


def document():
    table = Table({"ra": [10.0, 11.0], "dec": [20.0, 21.0], "name": ["a", "b"]})
    stream = io.BytesIO()
    table.write(stream, format="votable")
    return stream.getvalue()


def read(body):
    return [votables.table(each) for each in votables.document(body).iter_tables()]


def test_a_table_comes_with_its_names():
    (table,) = read(document())
    assert table.colnames == ["ra", "dec", "name"] and table["dec"].tolist() == [20.0, 21.0]


def test_a_field_without_name_and_identifier_is_an_error():
    with pytest.raises(ValueError, match="must have at least one of"):
        read(document().replace(b'ID="ra"', b"").replace(b'name="ra"', b""))


@pytest.mark.parametrize("place", range(0, len(document()), 37))
def test_a_document_with_a_damaged_byte_is_read_or_refused(place):
    body = bytearray(document())
    body[place] ^= 1 << place % 8
    try:
        tables = read(bytes(body))
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert len(tables) <= 1
