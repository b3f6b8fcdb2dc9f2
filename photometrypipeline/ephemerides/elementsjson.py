"""Orbital elements in JSON, in the forms that services answer with and that the Minor Planet Center's files have.

{"object": .., "orbit": {"elements": [{"name", "value"}, ..]}}       JPL's sbdb.api
{"fields": ["full_name", "e", ..], "data": [[..], ..]}               JPL's sbdb_query.api
{"result": "..."}                                                     JPL's horizons.api, format=json
{"mpc_orb": {"COM": {"coefficient_names", "coefficient_values"}}}    the MPC's get-orb, also in a list with its status
[{"name": .., "epoch_jd": .., "perihelion_distance": ..}, ..]         the MPC's web_service, as astroquery.mpc has it
[{"Principal_desig": .., "Epoch": .., "e": ..}, ..]                  the MPC's mpcorb_extended.json
[{"Designation_and_name": .., "Year_of_perihelion": .., ..}, ..]     the MPC's cometels.json
{"EPOCH": .., "EC": .., "QR": .., "TP": .., "OM": .., "W": .., "IN": ..}
"""

import csv
import math
import re
from dataclasses import dataclass

from photometrypipeline.ephemerides import horizons
from photometrypipeline.ephemerides.elements import MJD_ZERO, Orbit, julian_date, perihelion

MOST_NAMES = 8  # of bodies in a message
LARGEST_MJD = 1_000_000  # the year 4596; a Julian date is larger after -1975
# Our key, and what it is called in JSON (letter case does not matter)
KEYS = {
    "EPOCH": ("epoch_jd", "epoch", "epoch_mjd", "epoch.mjd"),
    "EC": ("ec", "e", "eccentricity"),
    "QR": ("qr", "q", "perihelion_dist", "perihelion_distance"),
    "TP": ("tp", "peri_time", "perihelion_date_jd"),
    "OM": ("om", "node", "ascending_node"),
    "W": ("w", "peri", "argperi", "argument_of_perihelion"),
    "IN": ("in", "i", "inclination"),
    "MA": ("ma", "m", "mean_anomaly"),
    "A": ("a", "semimajor_axis"),
    **{key: (key.lower(),) for key in horizons.EXTRAS},
}


@dataclass
class Body:
    """One body: its `full_name`, "" without one, and what is told of it, `values` {name in small letters: value}."""

    full_name: str
    values: dict

    def orbit(self):
        """Return its Orbit.  Raises ValueError for elements that are missing, or are no numbers."""
        found = {}
        for key, labels in KEYS.items():
            value = next((self.values[label] for label in labels if self.values.get(label) not in (None, "")), None)
            number = _number(value)
            if number is None and value is not None and key in horizons.ORBIT:
                raise ValueError(f"{key} = {value!r} of {self.full_name or 'the object'} is not a number")
            if number is not None:
                found[key] = number
        for key in ("EPOCH", "TP"):
            if key in found and found[key] < LARGEST_MJD:
                found[key] += MJD_ZERO
        anomaly, a_au = found.pop("MA", None), found.pop("A", None)
        ellipse = {"EPOCH", "EC"} <= set(found) and None not in (anomaly, a_au) and found["EC"] < 1 and a_au > 0
        if not {"TP", "QR"} <= set(found) and ellipse:
            found |= perihelion(found["EPOCH"], a_au, found["EC"], anomaly)
        missing = [key for key in horizons.ORBIT if key not in found]
        if missing:
            raise ValueError(f"no {', '.join(missing)} for {self.full_name or 'the object'}")
        return Orbit(self.full_name, found)


def text_of_horizons(content):
    """Return the text that an answer of Horizons in JSON wraps, None for anything else."""
    text = content.get("result") if isinstance(content, dict) else None
    return text if isinstance(text, str) else None


def bodies(content):
    """Return the Bodies (list) in what a JSON file holds.  Raises ValueError with the message of a refusal."""
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        fields = content.get("fields")
        content = [
            dict(zip(fields, row, strict=True)) if fields and isinstance(row, list) else row for row in content["data"]
        ]
    objects = [
        part for each in _listed(content) if isinstance(each, dict) for part in _listed(each.get("mpc_orb", each))
    ]
    objects = [each for each in objects if isinstance(each, dict)]
    found = [_body(each) for each in objects]
    labels = {label for key in ("EPOCH", "EC", "QR") for label in KEYS[key]}
    found = [body for body in found if labels & set(body.values)]
    if not found:
        _raise_refusal(objects)
    return found


def _raise_refusal(objects):
    """Raise ValueError with what a service said in the place of elements, if it said anything."""
    told = next((str(each[key]) for each in objects for key in ("message", "error") if each.get(key)), "")
    several = next((each["list"] for each in objects if isinstance(each.get("list"), list)), [])
    if several:
        names = [str(each.get("pdes") or each.get("name")) for each in several if isinstance(each, dict)]
        told = f"several bodies have that name: {', '.join(names[:MOST_NAMES])}; ask for one of them"
    if told:
        raise ValueError(" ".join(told.split()))


def bodies_of_rows(lines):
    """Return the Bodies (list) in the lines of a CSV file with titles, as the page of JPL's SBDB query saves it."""
    return bodies(list(csv.DictReader(lines, skipinitialspace=True)))


def _listed(content):
    return content if isinstance(content, list) else [content]


def _body(content):
    """Return the Body of one object, by the keys it has."""
    if isinstance(content.get("orbit"), dict) and "elements" in content["orbit"]:
        return _of_sbdb(content)
    if isinstance(content.get("COM"), dict) and "coefficient_names" in content["COM"]:
        return _of_get_orb(content)
    if "Year_of_perihelion" in content:
        return _of_cometels(content)
    flat = {str(key).lower(): value for key, value in content.items()}
    name = flat.get("full_name") or flat.get("target") or ""
    if not name:
        number, designation = flat.get("number"), flat.get("principal_desig") or flat.get("designation")
        pdes = str(flat.get("pdes") or "")
        number, designation = (pdes, designation) if re.fullmatch(r"\d+[PDI]?", pdes) else (number, designation or pdes)
        name = _full_name(number, flat.get("name"), designation)
    flat |= {"h": flat.get("h", flat.get("absolute_magnitude")), "g": flat.get("g", flat.get("phase_slope"))}
    return Body(_clean(name), flat)


def _of_sbdb(content):
    orbit = content["orbit"]
    rows = [*orbit["elements"], *orbit.get("model_pars", []), *content.get("phys_par", [])]
    flat = {str(row["name"]).lower(): row["value"] for row in rows} | {"epoch": orbit["epoch"]}
    return Body(_clean(content.get("object", {}).get("fullname", "")), flat)


def _of_get_orb(content):
    """The MPC's own scheme: cometary elements; its times are MJD."""
    elements, names = content["COM"], content.get("designation_data", {})
    flat = dict(zip(elements["coefficient_names"], elements["coefficient_values"], strict=False))
    flat["epoch"] = content.get("epoch_data", {}).get("epoch")
    flat |= {key.lower(): value for key, value in content.get("magnitude_data", {}).items() if key in ("H", "G")}
    designation = names.get("unpacked_primary_provisional_designation")
    return Body(_full_name(names.get("permid"), names.get("name") or names.get("iau_name"), designation), flat)


def _of_cometels(content):
    """A comet of the MPC: its passage is a date, and `H` and `G` are a total magnitude and a slope."""
    flat = {str(key).lower(): value for key, value in content.items()}

    def date(which, last):
        values = [_number(flat.get(key)) for key in (f"{which[0]}year{which[1]}", f"{which[0]}month{which[1]}", last)]
        return julian_date(int(values[0]), int(values[1]), values[2]) if None not in values else None

    flat["tp"] = date(("", "_of_perihelion"), "day_of_perihelion")
    flat["epoch"] = date(("epoch_", ""), "epoch_day") or flat["tp"]
    total, slope = _number(flat.pop("h", None)), _number(flat.pop("g", None))
    flat |= {"m1": total, "k1": 2.5 * slope} if None not in (total, slope) else {}
    return Body(_clean(re.sub(r"\s{2,}.*", "", str(flat.get("designation_and_name") or "").strip())), flat)


def _full_name(number, name, designation):
    """Return a name as Horizons writes it: `3552 Don Quixote (1983 SA)`."""
    parts = (str(number or "").strip("()"), str(name or ""), f"({designation})" if designation else "")
    return _clean(" ".join(filter(None, parts)))


def _clean(name):
    return re.sub(r"\s+", " ", str(name)).strip()


def _number(value):
    """Return a finite number, None for what is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
