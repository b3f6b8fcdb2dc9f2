"""Transformations between photometric bands (`published.py` has the data), and the colours of the Sun (`sun.py`)."""

from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs.colorterms.published import RELATIONS
from photometrypipeline.catalogs.colorterms.relation import Relation, Term, transform
from photometrypipeline.catalogs.colorterms.sun import USUAL_COLORS, color_bands, solar_color

__all__ = ["IDS", "RELATIONS", "USUAL_COLORS", "Relation", "Term"]
__all__ += ["bands_of", "color_bands", "find", "ordered", "solar_color", "transform"]

IDS = tuple(dict.fromkeys(relation.id for relation in RELATIONS))


def find(set_ids, band, columns=None):
    """Return the relations of the first of `set_ids` that gives `band` (several: branches), an empty list if none.

    columns : the magnitude columns that are there (default: all that may be needed)
    """
    for set_id in set_ids:
        found = [relation for relation in RELATIONS if relation.id == set_id and relation.band == band]
        if found and (columns is None or found[0].needs <= set(columns)):
            return found
    return []


def bands_of(set_ids, columns=None):
    """Return the bands that the sets of relations can give, in order; `columns` as in `find`."""
    bands = dict.fromkeys(relation.band for relation in RELATIONS if relation.id in set_ids)
    return tuple(band for band in bands if find(set_ids, band, columns))


def ordered(set_ids, preferred=()):
    """Return `set_ids` with those first that the user prefers.  Raises UsageError for an id that does not exist."""
    unknown = [set_id for set_id in preferred if set_id not in IDS]
    if unknown:
        raise UsageError(f"preferred_relations: {', '.join(unknown)} is unknown; there are {', '.join(IDS)}")
    return (*(set_id for set_id in preferred if set_id in set_ids), *set_ids)
