"""VOTables, whole or damaged: one way to read them, one error for what cannot be read."""

import io
import warnings
from xml.parsers.expat import ExpatError

from astropy.io import votable
from astropy.utils.exceptions import AstropyWarning

from photometrypipeline.base.errors import in_words

# What expat and astropy raise for a document that is cut off or damaged, depending on where; warnings among it.
BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    OSError,
    SyntaxError,
    ExpatError,
    Warning,
)


def document(body):
    """Return astropy's VOTableFile of a document (bytes).  Raises ValueError if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # services have namespaces of their own and hidden FIELDs
            return votable.parse(io.BytesIO(body), verify="ignore")
    except BROKEN as error:
        raise ValueError(in_words(error)) from None


def table(element):
    """Return the astropy Table of a table in a document, columns by their names.  Raises ValueError if it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return element.to_table(use_names_over_ids=True)
    except BROKEN as error:
        raise ValueError(in_words(error)) from None
