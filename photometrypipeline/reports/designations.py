"""Designations as the Minor Planet Center writes them: permanent, provisional, and packed into the columns of a record.

After the MPC's pages "Packed Provisional and Permanent Designations" and the ADES description (permID, provID, trkSub).
"""

import re
from dataclasses import dataclass

from photometrypipeline.ephemerides import names

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ORDER = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # of the second letter: no I
CENTURY = {18: "I", 19: "J", 20: "K", 21: "L"}
PLANETS = {"M": "Mars", "J": "Jupiter", "S": "Saturn", "U": "Uranus", "N": "Neptune"}  # with satellites
LONGEST_TRACKLET = 7  # characters in columns 6 to 12
FIRST_TILDE = 620_000  # numbers from here on are packed with a tilde
FIRST_EXTENDED = 620  # cycles of discoveries in half a month from here on are packed with an underscore


@dataclass(frozen=True)
class Designation:
    """What a record calls its object: `perm_id` and `prov_id` as in ADES, or an observer's own `trk_sub`, or empty.

    fragment : letters of a comet's fragment
    """

    perm_id: str = ""
    prov_id: str = ""
    trk_sub: str = ""
    fragment: str = ""

    @property
    def text(self):
        """What the object is called in words (str): `3552`, `51P-D`, `C/2019 Y4-B`, `rock1`."""
        name = self.perm_id or self.prov_id
        return f"{name}-{self.fragment}" if name and self.fragment else name or self.trk_sub

    def is_what(self, text):
        """Return whether `text` says just this: in words, packed, a number or comet with its name, not more or less."""
        text = " ".join(str(text).replace("_", " ").split())
        if text.replace(" ", "") in (self.packed.replace(" ", ""), self.text.replace(" ", "")):
            return True
        names_it = re.fullmatch(rf"\(?0*{re.escape(self.text)}\)?(?P<name>[ /(].*)?", text, re.IGNORECASE)
        return bool(names_it) and (not names_it["name"] or bool(self.perm_id) or names_it["name"].startswith(" ("))

    @property
    def packed(self):
        """The first 12 characters of a record of 80 columns (str)."""
        if self.perm_id:
            return _packed_permanent(self.perm_id, self.fragment)
        if self.prov_id:
            return _packed_provisional(self.prov_id, self.fragment)
        return f"     {self.trk_sub:<7.7}"


def designation(text):
    """Return the Designation of `text`: a number, a (packed) designation, a comet, or any other short name.

    What none of these fits is the observer's own name of a tracklet, cut to 7 characters.
    """
    found = _satellite(text) or _survey(text)
    if found:
        return found
    for query in names.queries(text):
        found = _from_command(query.command, query.kind)
        if found:
            return found
    return Designation(trk_sub=re.sub(r"[^-A-Za-z0-9_]+", "_", str(text).strip())[:LONGEST_TRACKLET])


def of_body(full_name):
    """Return the Designation of a small body by its full name, `3552 Don Quixote (1983 SA)`; None if unclear."""
    special = _satellite(full_name) or _survey(full_name)
    if special:
        return special
    found = [_from_command(command, kind) for command, kind in _commands(full_name)]
    perm_id = next((each.perm_id for each in found if each and each.perm_id), "")
    prov_id = next((each.prov_id for each in found if each and each.prov_id), "")
    if not (perm_id or prov_id):
        return None
    return Designation(perm_id, prov_id, fragment=next((each.fragment for each in found if each and each.fragment), ""))


def _survey(text):
    """Return the Designation of a body of the Palomar-Leiden surveys, `6344 P-L`, not a number; else None."""
    found = re.fullmatch(r"\(?(\d{4} (?:P-L|T-[123]))\)?", str(text).strip())
    return Designation(prov_id=found[1]) if found else None


def _satellite(text):
    """Return the Designation of the satellite of a planet, None for anything else.

    It is called `Jupiter 6`, `Jupiter VI`, `Himalia (JVI)`, `J006S`, or `S/2003 J 2`.
    """
    text = str(text).strip()
    found = re.fullmatch(r"([MJSUN])(\d{3})S", text)
    if found:
        return Designation(perm_id=f"{PLANETS[found[1]]} {int(found[2])}")
    found = re.fullmatch(r"S/(\d{4}) ?([MJSUN]) ?(\d+)", text)
    if found:
        return Designation(prov_id="S/{} {} {}".format(*found.groups()))
    found = re.fullmatch(rf"({'|'.join(PLANETS.values())}) (\d{{1,3}}|[IVXLC]+)", text)
    planet = found and found[1]
    if not found:
        found = re.fullmatch(r".+ \(([MJSUN])([IVXLC]+)\)", text)
        planet = found and PLANETS[found[1]]
    if not found:
        return None
    number = int(found[2]) if found[2].isdigit() else _roman(found[2])
    return Designation(perm_id=f"{planet} {number}")


def _roman(text):
    values = ["IVXLC".index(letter) for letter in text]
    values = [(1, 5, 10, 50, 100)[each] for each in values]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def _commands(full_name):
    return [
        (command, names.DESIGNATION if "=" in command else names.NUMBER) for command in sorted(names.aliases(full_name))
    ]


def _from_command(command, kind):
    """Return the Designation that a question for Horizons asks for; None for names and major bodies."""
    if kind in (names.NAME, names.MAJOR):
        return None
    number = re.fullmatch(r"(\d+);", command)
    if number:
        return Designation(perm_id=number[1])
    text = re.match(r"DES=([^;]+);", command)[1]
    comet = re.fullmatch(r"(\d+[PDI])(?:-([A-Z]+\d?))?", text)
    if comet:
        return Designation(perm_id=comet[1], fragment=comet[2] or "")
    if re.match("[CPDXA]/(?!1[89]|2[01])", text):  # older than all reports
        return None
    found = re.fullmatch(r"([CPDXA]/\d{4} [A-Z]+\d+)(?:-([A-Z]+\d?))?", text)
    if found:
        return Designation(prov_id=found[1], fragment=found[2] or "")
    return Designation(prov_id=text)


def _packed_permanent(perm_id, fragment):
    planet, _, number = perm_id.partition(" ")
    if number:
        return f"{planet[0]}{int(number):03d}S{'':7}"
    kind = re.fullmatch(r"(\d+)([PDI])", perm_id)
    if kind:
        return f"{int(kind[1]):04d}{kind[2]}{fragment.lower():>7}"
    return f"{packed_number(int(perm_id)):<12}"


def packed_number(number):
    """Return the number of a minor planet in five characters: 00433, D4340 for 134340, ~0000 for 620000."""
    if number >= FIRST_TILDE:
        return "~" + _base62(number - FIRST_TILDE, 4)
    return f"{BASE62[number // 10000]}{number % 10000:04d}"


def _packed_provisional(prov_id, fragment):
    survey = re.fullmatch(r"(\d{4}) (P-L|T-[123])", prov_id)
    if survey:
        return f"     {survey[2].replace('-', '')}S{survey[1]}"
    satellite = re.fullmatch(r"S/(\d{4}) ([MJSUN]) (\d+)", prov_id)
    if satellite:
        year, count = int(satellite[1]), int(satellite[3])
        tail = f"{satellite[2]}{BASE62[count // 10]}{count % 10}0"
        return f"    S{CENTURY[year // 100]}{year % 100:02d}{tail}"
    orbit, _, rest = prov_id.rpartition("/")
    year, half, letter, count = re.fullmatch(r"(A?\d+) ([A-Z])([A-Z]?)(\d*)", rest).groups()
    year = int(year.replace("A", "1"))
    count = int(count or 0)
    if letter and count >= FIRST_EXTENDED:
        number = 25 * (count - FIRST_EXTENDED) + ORDER.index(letter)
        return f"{orbit:>5}_{BASE62[year - 2000]}{half}{_base62(number, 4)}"
    century, tens = CENTURY[year // 100], BASE62[count // 10]
    last = letter or (fragment.lower() if len(fragment) == 1 else "0")
    return f"{orbit:>5}{century}{year % 100:02d}{half}{tens}{count % 10}{last}"


def _base62(value, length):
    digits = ""
    for _ in range(length):
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return digits
