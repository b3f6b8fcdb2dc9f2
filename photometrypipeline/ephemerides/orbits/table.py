"""Many orbits as columns, and the file that keeps them: NumPy's .npz, not compressed, mapped into memory."""

import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike

import numpy as np

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing
from photometrypipeline.ephemerides import elementsfile
from photometrypipeline.ephemerides.elements import Orbit
from photometrypipeline.ephemerides.names import NUMBER, Query
from photometrypipeline.ephemerides.orbit import OBLIQUITY_RAD
from photometrypipeline.ephemerides.planets import GM_SUN

ASTEROIDS, COMETS = "asteroids", "comets"
ELEMENTS = ("EPOCH", "QR", "EC", "IN", "OM", "W", "TP")  # as in elements.py
MAGNITUDES = {ASTEROIDS: ("H", "G"), COMETS: ("M1", "K1")}
FORMAT = 1
REMEDY = "import the file again with pptool_store"
# Along the orbit, arcsec in ten years, of the Minor Planet Center's uncertainty U = 0 to 9: upper ends of the classes.
RUNOFF_ARCSEC = np.array([1.0, 4.4, 19.6, 86.5, 382.0, 1692.0, 7488.0, 33121.0, 146502.0, 146502.0])
UNKNOWN_U = -1
LEAST_ERROR_ARCSEC = 0.3  # of the best orbits, with elements of so many digits
COLUMNS = ("elements", "epoch", "name", "u", "last_jd", "m0", "n", "plane")


@dataclass
class OrbitTable:
    """n orbits of one `kind` (ASTEROIDS or COMETS) from the file `origin`; table[column] is an ndarray:

    elements : shape (n, 9), float64; ELEMENTS, then two of MAGNITUDES, NaN where unknown;  epoch : the first of them
    name : bytes, in readable form, such as (1) Ceres;  u : int8, the uncertainty parameter, UNKNOWN_U without one
    last_jd : float32, of the last observation, NaN where unknown
    m0, n, plane : for the two-body cut of ellipses: mean anomaly at the epoch and motion (rad, rad/d), NaN on other
        conics; shape (7, n), float32: eccentricity, the half axes as vectors (au, ICRF), that of the perihelion first
    """

    kind: str
    origin: str
    columns: Mapping

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def __len__(self) -> int:
        return len(self["epoch"])

    def orbit(self, number: int) -> Orbit:
        """Return the Orbit number `number`: the name as Horizons would write it, and the elements."""
        keys = (*ELEMENTS, *MAGNITUDES[self.kind])
        values = {key: float(value) for key, value in zip(keys, self["elements"][number], strict=True)}
        known = {key: value for key, value in values.items() if np.isfinite(value)}
        return Orbit(self["name"][number].decode("utf-8", "replace"), known)

    def numbers_of(self, query: Query) -> list[int]:
        """Return the numbers of the orbits that a question means, in the order of the table."""
        wanted = query.command.removeprefix("DES=").split(";")[0].lower().encode()
        lower = np.frombuffer(self["name"].tobytes().lower(), self["name"].dtype)
        near = np.char.startswith(lower, wanted + b" ") if query.kind == NUMBER else np.char.find(lower, wanted) >= 0
        return [n for n in np.flatnonzero(near).tolist() if elementsfile.is_meant([query], self.orbit(n).full_name)]

    def error_arcsec(self, numbers: np.ndarray, jd: float) -> np.ndarray:
        """Return the one-sigma error of places along the orbit, as seen from 1 au, at the Julian date `jd`; maybe NaN.

        U tells how fast the error grows (Marsden, Williams & Nakano 1978); it grows since the last observation.
        """
        u = self["u"][numbers].astype(int)
        runoff = np.where(u == UNKNOWN_U, np.nan, RUNOFF_ARCSEC[np.clip(u, 0, 9)])
        last = self["last_jd"][numbers]
        years = np.abs(jd - np.where(np.isfinite(last), last, self["epoch"][numbers])) / 365.25
        return np.hypot(runoff * years / 10, LEAST_ERROR_ARCSEC)

    @property
    def usual_epoch(self) -> float:
        """The epoch of most of the orbits: the Minor Planet Center brings nearly all of them to the same day."""
        return float(np.median(self["epoch"]))

    def save(self, path: str | PathLike) -> None:
        """Write the table, whole or not at all."""
        head = json.dumps({"format": FORMAT, "kind": self.kind, "origin": self.origin})
        columns: dict = {"head": np.array(head)} | {key: self[key] for key in COLUMNS}
        with replacing(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **columns)


def load(path: str | PathLike) -> OrbitTable:
    """Return the OrbitTable in a file, of which the disk is asked for what is used. Raises FrameError."""
    try:
        with zipfile.ZipFile(path) as archive:
            lacking = {f"{key}.npy" for key in (*COLUMNS, "head")} - set(archive.namelist())
            columns = {key: _mapped(archive, path, key) for key in COLUMNS} if not lacking else {}
        head = json.loads(str(np.load(path, allow_pickle=False)["head"])) if not lacking else {}
    except (OSError, ValueError, struct.error, zipfile.BadZipFile, EOFError) as error:
        raise FrameError(path, "is not a table of orbits, or is damaged", REMEDY, error) from None
    if head.get("format") != FORMAT:
        raise FrameError(path, "is not a table of orbits, or is of another version", REMEDY)
    return OrbitTable(head["kind"], head["origin"], columns)


def _mapped(archive: zipfile.ZipFile, path: str | PathLike, column: str) -> np.ndarray:
    """Return a column as a part of the file: NumPy itself maps arrays that have a file of their own alone."""
    member = archive.getinfo(f"{column}.npy")
    with open(path, "rb") as stream:
        stream.seek(member.header_offset + 26)  # of the archive's own head, with two lengths in its end
        name, extra = struct.unpack("<HH", stream.read(4))
        stream.seek(name + extra, 1)
        np.lib.format.read_magic(stream)
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        start = stream.tell()
    return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape, order="F" if in_columns else "C")


def build(
    kind: str, origin: str, elements: np.ndarray, names: np.ndarray, u: np.ndarray, last_jd: np.ndarray
) -> OrbitTable:
    """Return the OrbitTable of `elements`, shape (n, 9), and the other columns; adds what the two-body cut needs."""
    epoch, q, ecc, inclination, node, argument, passage = elements[:, :7].T
    ellipse = ecc < 1
    a = np.where(ellipse, q / np.where(ellipse, 1 - ecc, 1), np.nan)
    n = np.sqrt(GM_SUN / a**3)
    minor = a * np.sqrt(np.where(ellipse, 1 - ecc**2, 0))
    axes = [a * _towards(inclination, node, argument), minor * _towards(inclination, node, argument + 90)]
    columns = {
        "elements": elements,
        "epoch": epoch.copy(),
        "name": names,
        "u": u.astype(np.int8),
        "last_jd": last_jd.astype(np.float32),
        "m0": n * (epoch - passage),
        "n": n,
        "plane": np.vstack([ecc[None], *axes]).astype(np.float32),
    }
    return OrbitTable(kind, origin, columns)


def _towards(inclination_deg: np.ndarray, node_deg: np.ndarray, argument_deg: np.ndarray) -> np.ndarray:
    """Return the unit vectors, shape (3, n), ICRF, towards points so far from the ascending nodes along the orbits."""
    i, node, argument = np.radians(inclination_deg), np.radians(node_deg), np.radians(argument_deg)
    along, across = np.cos(argument), np.sin(argument) * np.cos(i)
    x = np.cos(node) * along - np.sin(node) * across
    y = np.sin(node) * along + np.cos(node) * across
    z = np.sin(argument) * np.sin(i)
    c, s = np.cos(OBLIQUITY_RAD), np.sin(OBLIQUITY_RAD)
    return np.array([x, c * y - s * z, s * y + c * z])
