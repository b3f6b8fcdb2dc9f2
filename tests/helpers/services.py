"""A local server that speaks as VizieR and MAST do, as Horizons and SkyBoT do through `horizons.py`, and can fail.

    with services.Server(sky={"I/355/gaiadr3": stars}) as server:
        monkeypatch.setenv(...)   # for every pair of server.environment()
        server.faults["vizier"] = ["503", "html"]   # the next two requests; a str: all of them

Faults: slow, garbage (bytes), 500, 503, retry_after (503, Retry-After of `retry_after_s`), 404, html, circle (moved to
where it is), empty (no table), cut (fewer bytes than announced), truncated (a document that ends early), error_info
(HTTP 200 and an error inside), refuse (no answer at all), another (the answer to another question), missing:LABEL (a
column left out), unit:LABEL=UNIT (a unit told for a column).
"""

import email
import gzip
import importlib
import json
import math
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from astropy import units as u
from astropy.table import Table

ROUTES = {
    "vizier": "/viz-bin/votable",
    "horizons": "/api/horizons.api",
    "horizons_file": "/api/horizons_file.api",
    "skybot": "/skybot",
    "mast": "/mast/",
}
POSITIONS = (("RA_ICRS", "DE_ICRS"), ("RAJ2000", "DEJ2000"), ("RAICRS", "DEICRS"))


@dataclass
class Request:
    """One request as it came: `fields` are the URL's parameters, for VizieR the lines of the body."""

    route: str
    method: str
    path: str
    fields: dict
    body: bytes
    headers: dict


@dataclass
class Reply:
    body: bytes
    status: int = 200
    kind: str = "text/xml"
    headers: dict = field(default_factory=dict)
    announced: int | None = None


class Server:
    """`sky` maps VizieR tables to star tables with its labels and units; `objects` are the bodies of `horizons.py`."""

    def __init__(self, sky=None, objects=None):
        self.sky = sky if sky is not None else {}
        self.objects = objects
        self.faults = {}
        self.requests = []
        self.slow_s = 1.0
        self.retry_after_s = 1
        self.mangled, self.mangler = "", None  # route, and what changes the body of its answers
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._http.shutdown()
        self._http.server_close()

    def quiet(self):
        """Do not print what goes wrong here, such as readers that do not wait for the answer."""
        self._http.handle_error = lambda *_: None

    def environment(self):
        """Return the environment variables that send the pipeline here, without pauses between tries."""
        return {f"PP_{key.upper()}_URL": self.url + path for key, path in ROUTES.items()} | {"PP_RETRY_PAUSE_S": "0"}

    def count(self, route):
        """Return how many requests a route got."""
        return sum(request.route == route for request in self.requests)

    def next_fault(self, route):
        waiting = self.faults.get(route, [])
        if isinstance(waiting, str):
            return waiting
        return waiting.pop(0) if waiting else ""

    def reply(self, request):
        """Return the Reply to a Request, or None to hang up."""
        fault = self.next_fault(request.route)
        if fault == "refuse":
            return None
        if fault == "slow":
            time.sleep(self.slow_s)
        if fault in ("500", "503", "404"):
            return Reply(b"out of order", int(fault), "text/plain")
        if fault == "retry_after":
            return Reply(b"come back later", 503, "text/plain", {"Retry-After": str(self.retry_after_s)})
        if fault == "circle":
            return Reply(b"moved", 302, "text/plain", {"Location": request.path})
        if fault == "garbage":
            return Reply(bytes(range(256)) * 40, kind="application/octet-stream")
        if fault == "html":
            return Reply(b"<!DOCTYPE html><html><body>Maintenance</body></html>", kind="text/html")
        reply = self.answer(request, fault)
        if self.mangler and request.route == self.mangled:
            reply.body = self.mangler(reply.body)
        if fault == "cut":
            reply.announced, reply.body = len(reply.body), reply.body[: len(reply.body) // 2]
        if fault == "truncated":
            reply.body = reply.body[: len(reply.body) * 2 // 3]
        return reply

    def answer(self, request, fault):
        if not request.fields and not request.body:  # somebody looks whether we are there
            return Reply(b"ready", kind="text/plain")
        if fault == "another":
            return self.answer_of_another(request)
        if request.route == "vizier":
            return Reply(vizier_answer(self.sky, request.fields, fault).encode())
        if request.route == "mast":
            return Reply(mast_answer(self.sky, request).encode(), kind="application/json")
        routes = importlib.import_module("horizons")  # only where it is needed
        if request.route == "horizons_file":
            status, text = routes.answer_file(multipart_field(request, "input"), self.objects or [])
        elif request.route == "skybot":
            status, text = routes.answer_skybot(request.fields, self.objects or [])
        else:
            status, text = routes.answer_get(request.fields, self.objects or [])
        return Reply(text.encode(), status, "text/plain")

    def answer_of_another(self, request):
        """Return the Reply to another question: of another body, or of another service."""
        if request.route.startswith("horizons"):
            others = [each for each in self.objects or [] if each.number != 3552]
            number = str(others[0].number)
            fields = {key: value.replace("3552", number) for key, value in request.fields.items()}
            request = replace(request, fields=fields, body=request.body.replace(b"3552", number.encode()))
            return self.answer(request, "")
        return Reply(b"API VERSION: 1.2\n$$SOE\n 2457786.5, 1, 2\n$$EOE\n", kind="text/plain")


def _handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.respond()

        def do_POST(self):
            self.respond()

        def respond(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            route = next((key for key, path in ROUTES.items() if parts.path.startswith(path)), "unknown")
            fields = dict(parse_qsl(parts.query, keep_blank_values=True))
            if route == "vizier":
                fields |= vizier_fields(body.decode())
            request = Request(route, self.command, self.path, fields, body, dict(self.headers))
            server.requests.append(request)
            reply = server.reply(request) if route != "unknown" else Reply(b"no such page", 404, "text/plain")
            if reply is not None:
                self.send(reply)
            self.close_connection = True

        def send(self, reply):
            body = reply.body
            packed = "gzip" in self.headers.get("Accept-Encoding", "") and reply.announced is None
            body = gzip.compress(body, 1) if packed else body
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            if packed:
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(reply.announced or len(body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


def multipart_field(request, name):
    """Return one field of a form sent as multipart/form-data (str)."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    for part in email.message_from_bytes(head + request.body).get_payload():
        if part.get_param("name", header="content-disposition") == name:
            return part.get_payload(decode=True).decode()
    raise KeyError(name)


def vizier_fields(body):
    """Return the names and values of VizieR's plain-text body; a bare name has the value ""."""
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    return dict(line.partition("=")[::2] for line in lines)


def vizier_answer(sky, fields, fault=""):
    """Return the VOTable (str) that VizieR would send: rows of the cone that meet the constraints, up to out.max."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
    )
    source = fields["-source"]
    if fault == "error_info":
        return f'{head}<INFO name="Error" value="the database is not currently reachable"/>\n</VOTABLE>\n'
    status = '<INFO name="QUERY_STATUS" value="OK"/>\n'
    if fault == "empty" or source not in sky:
        return f"{head}{status}</VOTABLE>\n"
    table = sky[source]
    rows = table[in_cone(table, fields) & meets_constraints(table, fields)]
    limit = fields.get("-out.max", "50")
    rows = rows if limit == "unlimited" else rows[: int(limit)]
    wanted = [label for label in fields.get("-out", "").split(",") if label in rows.colnames]
    wanted = [label for label in wanted if fault != f"missing:{label}"]
    told = dict([fault.removeprefix("unit:").split("=")]) if fault.startswith("unit:") else {}
    content = "".join(field_of(rows[label], told.get(label)) for label in wanted)
    content += f"<DATA><TABLEDATA>\n{rows_of(rows[wanted])}</TABLEDATA></DATA>\n"
    resource = f"<RESOURCE name={quoteattr(source.rsplit('/', 1)[0])}><TABLE name={quoteattr(source)}>\n"
    return f"{head}{status}{resource}{content}</TABLE></RESOURCE>\n</VOTABLE>\n"


def mast_answer(sky, request):
    """Return the JSON (str) of MAST for a page of Pan-STARRS: the stars that VizieR has, as MAST names them."""
    from photometrypipeline.catalogs import mast

    fields = request.fields
    table = sky["II/349/ps1" if "/dr1/" in request.path else "II/389/ps1_dr2"]
    cone = {"-c": f"{fields['ra']}{float(fields['dec']):+.8f}", "-c.rd": fields["radius"]}
    rows = table[in_cone(table, cone) & meets_constraints(table, {"rmag": f"<{fields['rMeanPSFMag.lt']}"})]
    first = (int(fields["page"]) - 1) * int(fields["pagesize"])
    rows = rows[first : first + int(fields["pagesize"])]
    wanted = json.loads(fields["columns"])
    label_of = {name: label for label, (name, _) in mast.COLUMNS.items()}
    data = []
    for row in rows:
        cells = [row[label_of[name]] for name in wanted]
        cells = [-999.0 if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]
        data.append([cell if isinstance(cell, str) else float(cell) for cell in cells])
    return json.dumps({"info": [{"name": name, "type": "float"} for name in wanted], "data": data})


def field_of(column, unit=None):
    kinds = {"f": "double", "i": "long", "u": "long"}
    kind = kinds.get(column.dtype.kind)
    datatype = f'datatype="{kind}"' if kind else 'datatype="char" arraysize="*"'
    unit = unit or (column.unit.to_string() if column.unit is not None else None)
    return f"<FIELD name={quoteattr(column.name)} {datatype}{f' unit={quoteattr(unit)}' if unit else ''}/>\n"


def rows_of(table):
    """Return the rows of a table as TABLEDATA; missing values are empty cells."""
    columns = []
    for column in table.itercols():
        values, mask = np.ma.getdata(column).tolist(), np.ma.getmaskarray(column).tolist()
        absent = [
            gone or (isinstance(value, float) and value != value) for value, gone in zip(values, mask, strict=True)
        ]
        texts = [escape(value) if isinstance(value, str) else str(value) for value in values]
        columns.append(["<TD/>" if gone else f"<TD>{text}</TD>" for text, gone in zip(texts, absent, strict=True)])
    return "".join(f"<TR>{''.join(cells)}</TR>\n" for cells in zip(*columns, strict=True))


def in_cone(table, fields):
    """Return the mask of rows in the cone of `-c` and `-c.rd`, `-c.rm` or `-c.rs`."""
    centre = fields["-c"]
    sign = max(centre.rfind("+"), centre.rfind("-"))
    ra_deg, dec_deg = float(centre[:sign]), float(centre[sign:])
    scale = {"-c.rd": 1.0, "-c.rm": 1 / 60, "-c.rs": 1 / 3600}
    radius_deg = next(float(fields[key]) * factor for key, factor in scale.items() if key in fields)
    ra, dec = next(pair for pair in POSITIONS if pair[0] in table.colnames)
    ra_1, dec_1, ra_2, dec_2 = map(np.radians, (ra_deg, dec_deg, np.asarray(table[ra]), np.asarray(table[dec])))
    haversine = np.sin((dec_2 - dec_1) / 2) ** 2 + np.cos(dec_1) * np.cos(dec_2) * np.sin((ra_2 - ra_1) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(np.clip(haversine, 0, 1))) <= np.radians(radius_deg)


def meets_constraints(table, fields):
    """Return the mask of rows that meet `label=condition`; an unknown label is ignored, as VizieR does."""
    good = np.ones(len(table), dtype=bool)
    for label, condition in fields.items():
        if label not in table.colnames:
            continue
        values = np.ma.filled(np.ma.asarray(table[label]).astype(float), np.nan)
        if ".." in condition:
            low, high = map(float, condition.split(".."))
            good &= (values >= low) & (values <= high)
        elif condition.startswith("<"):
            good &= values < float(condition[1:])
        elif condition.startswith(">"):
            good &= values > float(condition[1:])
        else:
            good &= values == float(condition.lstrip("="))
    return good


def as_vizier(survey, table):
    """Return a table in the internal schema as VizieR would hold it for `survey` (Survey): labels, units, offsets."""
    served = Table()
    for column in survey.columns:
        if column.over:
            served[column.over] = np.full(len(table), 100.0)
            served[column.label] = np.asarray(table[column.name], dtype=float) * 100.0 * np.log(10) / 2.5
            continue
        if column.name not in table.colnames:
            served[column.label] = np.full(len(table), "" if column.text else np.nan)
        elif column.unit in ("mjd", "jd"):
            days = (np.asarray(table[column.name], dtype=float) - 2000.0) * 365.25 + 51544.5
            served[column.label] = days + (2400000.5 if column.unit == "jd" else 0)
            served[column.label].unit = "d"
        elif column.text:
            served[column.label] = np.asarray(table[column.name], dtype=str)
        else:
            values = np.asarray(table[column.name], dtype=float) - column.offset
            factor = u.Unit(column.unit_here).to(column.unit) if column.unit and column.unit_here else 1.0
            served[column.label] = values * factor
        if column.unit and column.unit not in ("mjd", "jd"):
            served[column.label].unit = column.unit
    for label, condition in survey.constraints.items():
        served[label] = np.full(len(table), float(condition.lstrip("=")))
    return served
