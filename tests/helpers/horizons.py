"""JPL Horizons and SkyBoT for a handful of invented bodies: requests in, answers out, in the form of the real services.

Pure functions; the local server mounts them. After the recordings and documents of the real services: the API's own
examples of ambiguous names, the answers in astroquery's test data.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

import numpy as np

STARS = "*" * 79
DEG = np.pi / 180
LONGEST_GET_LIST = 100  # epochs; the real service gives up somewhere below 400

TODAY_JD = 2461373.5  # long after all frames


@dataclass
class Body:
    """One body: it moves evenly from (ra_deg, dec_deg) at jd0, or as `path(jd) -> (ra_deg, dec_deg)` says.

    number, name, designation: those that it has; kind: asteroid, comet or major (number is then the ID). Rates in
    arcsec/h, RA with cos Dec. records: a comet has (record number, year) for every apparition. span: first and last JD.
    """

    number: int | None = None
    name: str = ""
    designation: str = ""
    kind: str = "asteroid"
    jd0: float = 2460000.5
    ra_deg: float = 0.0
    dec_deg: float = 0.0
    ra_rate: float = 0.0
    dec_rate: float = 0.0
    path: object = None
    v_mag: float = 18.0
    sigma_arcsec: float = 0.1
    r_au: float = 2.5
    delta_au: float = 1.6
    phase_deg: float = 10.0
    elements: dict | None = None
    records: list = field(default_factory=lambda: [(90000001, 2015)])
    span: tuple = (0.0, 1e9)
    klass: str = "MB>Middle"
    aliases: tuple = ()  # other designations, which no answer shows

    @property
    def full_name(self):
        if self.kind == "major":
            return f"{self.name} ({self.number})"
        if self.kind == "comet":
            numbered = re.fullmatch(r"\d+[PDI](-\w+)?", self.designation)
            return f"{self.designation}/{self.name}" if numbered else f"{self.name} ({self.designation})"
        label = " ".join(str(part) for part in (self.number, self.name) if part)
        return f"{label} ({self.designation})".strip() if self.designation else label

    def position(self, jd):
        """Return (ra_deg, dec_deg) at the UT Julian date `jd`."""
        if self.path is not None:
            return self.path(jd)
        hours = (jd - self.jd0) * 24
        dec_deg = self.dec_deg + self.dec_rate * hours / 3600
        return (self.ra_deg + self.ra_rate * hours / 3600 / np.cos(self.dec_deg * DEG)) % 360, dec_deg


def answer(request, bodies):
    """Return the text that answers a request of the local server: `route`, `fields` (dict of str), `body` (bytes)."""
    bodies = bodies or []
    if request.route == "skybot":
        return answer_skybot(request.fields, bodies)[1]
    if request.route == "horizons_file":
        body = request.body.decode()
        if 'name="format"' not in body or 'name="input"' not in body:
            return "the request needs the multipart fields format and input"
        return answer_file(body[body.index("!$$SOF") : body.index("!$$EOF")], bodies)[1]
    return answer_get(request.fields, bodies)[1]


def answer_get(parameters, bodies):
    """Return (HTTP status, text) for the parameters (dict of str) of a GET to horizons.api."""
    if parameters.get("format") not in ("text", "json"):
        return 400, "unexpected format"
    if len(_epochs(parameters)) > LONGEST_GET_LIST:
        return 414, "<html><body>Request-URI Too Long</body></html>"
    return _answer(parameters, bodies)


def answer_file(text, bodies):
    """Return (HTTP status, text) for the `input` of a POST to horizons_file.api."""
    if not text.lstrip().startswith("!$$SOF"):
        return 400, "the input file must start with !$$SOF"
    parameters, key = {}, None
    for line in text.splitlines():
        assignment = re.match(r"\s*([A-Z_]+)\s*=(.*)", line)
        if line.lstrip().startswith("!"):
            continue
        if assignment:
            key = assignment[1]
            parameters[key] = assignment[2].strip()
        elif key:
            parameters[key] += "\n" + line.strip()
    return _answer(parameters, bodies)


def _answer(parameters, bodies):
    head = "API VERSION: 1.2\nAPI SOURCE: NASA/JPL Horizons API\n\n"
    command = parameters.get("COMMAND", "").strip("'\"")
    epochs = _epochs(parameters)
    if not command or not epochs:
        return (
            200,
            head + "BATVAR: no TLIST values found (or missing quotes)\nWLDINI: error loading execution-control file.\n",
        )
    found = _resolve(command, bodies, epochs[0])
    if isinstance(found, str):
        return 200, head + found
    if parameters.get("EPHEM_TYPE", "OBSERVER") == "ELEMENTS":
        return 200, head + _elements_table(found, epochs)
    for jd in epochs:
        if not found.span[0] <= jd <= found.span[1]:
            side = "prior to" if jd < found.span[0] else "after"
            return (
                200,
                head + f'\n No ephemeris for target "{found.full_name}" {side} A.D. {_date(found.span[0])} TDB\n',
            )
    return 200, head + _observer_table(found, epochs, parameters)


def _epochs(parameters):
    return [float(text.strip("'\" ")) for text in re.split(r"[\s,]+", parameters.get("TLIST", "").strip("[]")) if text]


def _resolve(command, bodies, jd):
    """Return the Body that a COMMAND means, or the text that says why there is none."""
    if ";" not in command:
        return _resolve_major(command, bodies) or _resolve_small(f"{command};", bodies, jd)
    return _resolve_small(command, bodies, jd)


def _resolve_major(command, bodies):
    majors = [body for body in bodies if body.kind == "major"]
    if re.fullmatch(r"-?\d+", command):
        return next((body for body in majors if body.number == int(command)), None)
    found = [body for body in majors if body.name.lower().startswith(command.lower())]
    if len(found) < 2:
        return found[0] if found else None
    rows = "".join(f"  {body.number:>7}  {body.name:<34} {'':11}  {'':19} \n" for body in found)
    return (
        f'{STARS}\n Multiple major-bodies match string "{command.upper()}*"\n\n'
        "  ID#      Name                               Designation  IAU/aliases/other   \n"
        "  -------  ---------------------------------- -----------  ------------------- \n"
        f"{rows} \n   Number of matches =  {len(found)}. Use ID# to make unique selection.\n{STARS}\n"
    )


def _resolve_small(command, bodies, jd):
    what, *qualifiers = [part.strip() for part in command.split(";")]
    field_name, _, value = what.rpartition("=")
    value = value.strip()
    found = [
        (body, record, year)
        for body in bodies
        if body.kind != "major" and _means(body, field_name.strip(), value)
        for record, year in (body.records if body.kind == "comet" else [(body.number or 50000001, None)])
    ]
    if "NOFRAG" in qualifiers:
        found = [row for row in found if not re.search(r"-[A-Z]+$", row[0].designation)]
    wanted = next((text for text in qualifiers if text.startswith("CAP")), None)
    if wanted and found:  # comets alone have apparitions; without a date the last one before today is meant
        limit = 2000 + (float(wanted.partition("<")[2] or TODAY_JD) - 2451544.5) / 365.25
        earlier = [row for row in found if row[0].kind == "comet" and row[2] <= limit]
        comets = dict.fromkeys(row[0].full_name for row in earlier)
        found = [max((row for row in earlier if row[0].full_name == name), key=lambda row: row[2]) for name in comets]
    return found[0][0] if len(found) == 1 else _list_small(field_name.strip() or "NAME", value, found)


def _means(body, field_name, value):
    names, designations = (
        [body.name.lower()],
        [body.designation.lower(), re.sub("-[a-z]+$", "", body.designation.lower())],
    )
    if field_name == "DES":
        return value.lower() in [*designations, *map(str.lower, body.aliases)]
    if field_name in ("NAME", "ASTNAM", "COMNAM"):
        return value.lower() in names
    if value.isdigit():
        return (body.kind == "asteroid" and body.number == int(value)) or int(value) in dict(body.records)
    return value.lower() in names + designations


def _list_small(field_name, value, found):
    text = (
        f"{STARS}\nJPL/DASTCOM            Small-body Index Search Results     2026-May-11 07:53:26\n \n"
        f" Comet AND asteroid index search:\n \n    {field_name} = {value.upper()};\n \n Matching small-bodies: \n"
    )
    if not found:
        return text + f"    No matches found.\n{STARS}\n"
    text += (
        "\n    Record #  Epoch-yr  >MATCH DESIG<  Primary Desig  Name  \n"
        "    --------  --------  -------------  -------------  -------------------------\n"
    )
    for body, record, year in found:
        text += f"    {record:>8}  {year or '':>6}    {body.designation:<13}  {body.designation:<13}  {body.name}\n"
    return text + f"\n ({len(found)} matches. To SELECT, enter record # (integer), followed by semi-colon.)\n{STARS}\n"


def _object_block(body):
    if not body.elements:
        return f"{STARS}\n Revised: Aug 11, 2015           {body.name}            {body.number or ''}\n{STARS}\n"
    e = body.elements
    block = (
        f"{STARS}\nJPL/HORIZONS         {body.full_name}        2026-May-11 07:53:26\n"
        f"Rec #:{body.number or 50000002} (+COV) Soln.date: 2026-Apr-13_11:04:44   # obs: 1075 (1995-2026)\n \n"
        "IAU76/J2000 helio. ecliptic osc. elements (au, days, deg., period=Julian yrs):\n \n"
        f"  EPOCH=  {e['EPOCH']} ! 2020-Jan-01.00 (TDB)         Residual RMS= .24563\n"
        f"   EC= {e['EC']!r}  QR= {e['QR']!r}  TP= {e['TP']!r}\n"
        f"   OM= {e['OM']!r}  W=  {e['W']!r}  IN= {e['IN']!r}\n \n"
    )
    if body.kind == "comet":
        return block + (
            "Comet physical (GM= km^3/s^2; RAD= km):\n   GM= n.a.                RAD= 2.4\n"
            f"   M1=  {e.get('M1', 'n.a.')}     M2=  n.a.     k1=  {e.get('K1', 'n.a.')}    k2= n.a.     PHCOF= n.a.\n"
            f"{STARS}\n"
        )
    return block + (
        "Asteroid physical parameters (km, seconds, rotational period in hours):\n"
        "   GM= 62.6284             RAD= 469.7              ROTPER= 9.07417\n"
        f"   H= {e.get('H', 'n.a.')}                 G= {e.get('G', 'n.a.')}                 B-V= .713\n{STARS}\n"
    )


def _observer_table(body, epochs, parameters):
    wanted = [int(number) for number in parameters.get("QUANTITIES", "1").strip("'\"").split(",")]
    precise = parameters.get("EXTRA_PREC", "NO").strip("'\"") == "YES"
    titles = _titles(body, precise)
    head = " Date__(UT)__HR:MN:SC.fff, Date_________JDUT, , ," + "".join(f" {titles[key]}," for key in wanted)
    rule = "*" * len(head)
    site = parameters.get("CENTER", "").strip("'\"")
    text = _object_block(body) + (
        f"\n\n{STARS}\nEphemeris / API_USER Mon May 11 07:53:26 2026 Pasadena, USA      / Horizons    \n{STARS}\n"
        f"Target body name: {body.full_name:<32}{{source: JPL#48}}\n"
        "Center body name: Earth (399)                     {source: DE441}\n"
        f"Center-site name: {'GEOCENTRIC' if site.startswith('500') else 'site ' + site}\n{STARS}\n"
    )
    text += f"{rule}\n{head}\n{rule}\n$$SOE\n"
    for jd in sorted(set(epochs)):
        text += (
            f" {_date(jd)}, {jd:.9f},*,m," + "".join(f" {_quantity(body, key, jd, precise)}," for key in wanted) + "\n"
        )
    return text + f"$$EOE\n{rule}\nColumn meaning:\n"


def _titles(body, precise):
    return {
        1: "R.A.___(ICRF), DEC____(ICRF)" if precise else "R.A._(ICRF), DEC_(ICRF)",
        3: " dRA*cosD, d(DEC)/dt",
        9: "   T-mag,  N-mag" if body.kind == "comet" else "   APmag,   S-brt",
        19: "               r,       rdot",
        20: "            delta,     deldot",
        24: "    S-T-O",
        36: "RA_3sigma, DEC_3sigma",
    }


def _quantity(body, key, jd, precise):
    if key == 1:
        ra_deg, dec_deg = body.position(jd)
        return f"{ra_deg:.9f},{dec_deg:.9f}" if precise else f"{ra_deg:.5f},{dec_deg:.5f}"
    if key == 3:
        return "{:.7g},{:.7g}".format(*_rates(body, jd))
    sigma = "n.a." if body.kind == "major" else f"{3 * body.sigma_arcsec:.3f}"
    return {
        9: f"{body.v_mag:.3f},   n.a.",
        19: f"{body.r_au:.12f},  0.1000000",
        20: f"{body.delta_au:.14f}, 11.2000000",
        24: f"{body.phase_deg:.4f}",
        36: f"{sigma},{sigma}",
    }[key]


def _rates(body, jd, step_d=1e-4):
    """Return the rates in arcsec/h, RA with cos Dec, at `jd`."""
    (ra1, dec1), (ra2, dec2) = body.position(jd - step_d), body.position(jd + step_d)
    scale = 3600 / (48 * step_d)
    return ((ra2 - ra1 + 180) % 360 - 180) * np.cos((dec1 + dec2) / 2 * DEG) * scale, (dec2 - dec1) * scale


def _elements_table(body, epochs):
    if not body.elements:
        return f"{STARS}\n Cannot output elements for this target.\n"
    titles = ("EC", "QR", "IN", "OM", "W", "TP")
    head = "            JDTDB,            Calendar Date (TDB), EC, QR, IN, OM, W, Tp,"
    text = _object_block(body) + f"Target body name: {body.full_name:<32}{{source: JPL#48}}\n{head}\n$$SOE\n"
    for jd in epochs:
        text += f"{jd:.9f}, A.D. {_date(jd)}," + "".join(f" {body.elements[key]:.15E}," for key in titles) + "\n"
    return text + "$$EOE\n"


def _date(jd):
    jd = min(max(jd, 1721425.5), 5373484.0)
    return (datetime(2000, 1, 1, 12) + timedelta(days=jd - 2451545)).strftime("%Y-%b-%d %H:%M:%S.%f")[:-3]


SKYBOT_FIELDS = """<vot:FIELD ID="num" name="Num" datatype="char" arraysize="6"/>
<vot:FIELD ID="name" name="Name" datatype="char" arraysize="32"/>
<vot:FIELD ID="ra" name="RA" datatype="char" arraysize="13" unit="h:m:s"/>
<vot:FIELD ID="de" name="DEC" datatype="char" arraysize="13" unit="d:m:s"/>
<vot:FIELD ID="class" name="Class" datatype="char" arraysize="24"/>
<vot:FIELD ID="magV" name="Mv" datatype="float" width="13" precision="2"/>
<vot:FIELD ID="errpos" name="ErrPos" datatype="float" width="10" precision="3" unit="arcsec"/>
<vot:FIELD ID="angdist" name="d" datatype="float" width="8" precision="3" unit="arcsec"/>
<vot:FIELD ID="dracosdec" name="dRAcosDec" datatype="double" width="12" unit="arcsec/h"/>
<vot:FIELD ID="ddec" name="dDEC" datatype="double" width="12" unit="arcsec/h"/>
<vot:FIELD ID="dgeo" name="Dgeo" datatype="double" width="15" unit="AU"/>
<vot:FIELD ID="dhelio" name="Dhelio" datatype="double" width="15" unit="AU"/>
<vot:FIELD ID="_raj2000" name="_RAJ2000" datatype="double" precision="9" width="13" unit="deg" type="hidden"/>
<vot:FIELD ID="_decj2000" name="_DECJ2000" datatype="double" precision="9" width="13" unit="deg" type="hidden"/>
<vot:FIELD ID="externallink" name="ExternalLink" datatype="char" arraysize="*" type="hidden"/>
"""


def answer_skybot(parameters, bodies):
    """Return (HTTP status, VOTable text) for the parameters (dict of str) of a SkyBoT cone search.

    As the real service it ignores an observatory code under `-loc` and tells in PARAM Observer which one it used.
    """
    center = float(parameters["-ra"]), float(parameters["-dec"])
    radius_arcsec, jd = float(parameters["-rd"]) * 3600, float(parameters["-ep"])
    rows = []
    for body in bodies:
        position = body.position(jd)
        separation = _separation_arcsec(center, position)
        if body.kind != "major" and separation <= radius_arcsec and body.span[0] <= jd <= body.span[1]:
            rows.append((separation, _skybot_row(body, position, separation, jd)))
    rows = "".join(row for _, row in sorted(rows))
    status = '<vot:INFO name="QUERY_STATUS" value="OK"/>'
    if not rows:
        reason = "No solar system object was found in the requested FOV"
        status = f'<vot:INFO name="QUERY_STATUS" value="ERROR">{reason}</vot:INFO>'
    data = f"<vot:DATA><vot:TABLEDATA>{rows}</vot:TABLEDATA></vot:DATA>"
    table = f'<vot:TABLE name="SkybotConeSearch">{SKYBOT_FIELDS}{data}</vot:TABLE>'
    return 200, (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<vot:VOTABLE version="1.3" '
        'xmlns:vot="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        f'<vot:RESOURCE name="Skybot.ConeSearch">{status}\n'
        f'<vot:PARAM ID="observer" name="Observer" datatype="char" arraysize="*" '
        f'value="{escape(parameters.get("-observer", "500"))}"/>\n'
        f"{table if rows else ''}</vot:RESOURCE>\n</vot:VOTABLE>\n"
    )


def _skybot_row(body, position, separation, jd):
    ra_rate, dec_rate = _rates(body, jd)
    fields = [
        body.number or "-",
        body.name or body.designation,
        _sexagesimal(position[0] / 15, ""),
        _sexagesimal(position[1], "+"),
        "Comet" if body.kind == "comet" else body.klass,
        body.v_mag,
        body.sigma_arcsec,
        f"{separation:.3f}",
        f"{ra_rate:.4f}",
        f"{dec_rate:.4f}",
        body.delta_au,
        body.r_au,
        f"{position[0]:.12f}",
        f"{position[1]:.12f}",
        f"https://ssp.imcce.fr/webservices/ssodnet/api/ssocard/{body.name}",
    ]
    return "<vot:TR>" + "".join(f"<vot:TD>{escape(str(value))}</vot:TD>" for value in fields) + "</vot:TR>\n"


def _separation_arcsec(one, other):
    ra1, dec1, ra2, dec2 = (angle * DEG for angle in (*one, *other))
    half = np.sin((dec2 - dec1) / 2) ** 2 + np.cos(dec1) * np.cos(dec2) * np.sin((ra2 - ra1) / 2) ** 2
    return float(2 * np.arcsin(min(1.0, np.sqrt(half))) / DEG * 3600)


def _sexagesimal(value, plus):
    sign, value = ("-" if value < 0 else plus), abs(value)
    whole, minutes = int(value), int(value * 60 % 60)
    return f"{sign}{whole:02d} {minutes:02d} {value * 3600 % 60:.4f}"
