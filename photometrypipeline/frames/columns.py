"""A table of plain arrays: what source lists and databases of frames are read into.

An astropy Table takes five times the memory of a short one and a hundred times the time, for units, masks and metadata
that nobody asks for here.
"""

from typing import Any, Self

import numpy as np


class Columns:
    """Columns of one length, {name: ndarray}, the first axis of each along the rows; `meta`: what belongs to them.

    By name a column, by a list of names some columns, by mask, slice or indices some rows, by number a row
    ({name: value}).  It can be changed by column alone.
    """

    def __init__(self, columns: dict[str, np.ndarray], meta: dict | None = None):
        self._columns, self.meta = columns, {} if meta is None else meta

    @property
    def colnames(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._columns[key]
        if isinstance(key, int | np.integer):
            return {name: values[key] for name, values in self._columns.items()}
        if isinstance(key, list) and key and isinstance(key[0], str):
            return Columns({name: self._columns[name] for name in key}, self.meta)
        return Columns({name: values[key] for name, values in self._columns.items()}, self.meta)

    def __setitem__(self, name: str, values: Any) -> None:
        """Set a column, in the place of one of that name or as the last."""
        self._columns[name] = np.asarray(values)

    def copy(self) -> Self:
        """Return Columns that can be changed without a change of these."""
        return type(self)(dict(self._columns), self.meta)

    def rename_columns(self, before: list[str], after: list[str]) -> None:
        """Give columns other names; all stay in their order."""
        names = dict(zip(before, after, strict=True))
        self._columns = {names.get(name, name): values for name, values in self._columns.items()}
