"""Who and what stands behind a report: names and telescopes, from pp_setup.py or the command line."""

from dataclasses import dataclass, field, replace

from photometrypipeline.base.files import safe_name

NEEDED = {  # form of report: (settings, entries of a telescope) that it cannot do without
    "ADES": (("submitter", "observers", "measurers"), ("design", "aperture_m")),
    "ALCDEF": (("submitter", "email", "observers"), ()),
    "AAVSO": (("aavso_code",), ()),
}
MODES = ("CCD", "CMO", "VID", "TDI")  # of images, as the MPC calls them; its others are no images, or history


@dataclass
class ReportSettings:
    """Settings of pptool_mpcreport and pptool_lightcurve; names as the MPC wants them: initials, then the family name.

    telescopes : {key of telescope and camera: dict with design, aperture_m, detector, f_ratio, mode, name}
    """

    submitter: str = ""  # "A. B. Observer"
    institution: str = ""
    email: str = ""
    observers: tuple = ()  # ("A. B. Observer", "C. Colleague")
    measurers: tuple = ()
    coinvestigators: tuple = ()
    collaborators: tuple = ()
    funding: str = ""
    comment: str = ""
    allow_sharing: bool = True  # whether alcdef.org may pass on what is sent there
    aavso_code: str = ""  # of the observer
    telescopes: dict = field(default_factory=dict)  # {"VATT4K": {"design": "Gregorian", "aperture_m": 1.83, ...}}

    def telescope(self, key):
        """Return the dict of one telescope, what is not set taken from `telescopes["*"]`."""
        return {"detector": "CCD", "mode": "CCD", **self.telescopes.get("*", {}), **self.telescopes.get(key, {})}

    def lacking(self, keys):
        """Return {form of report: what is not set of what it needs, in words; empty text for nothing}.

        keys : of the telescopes in use
        """
        found = {}
        for form, (people, about) in NEEDED.items():
            missing = [name for name in people if not getattr(self, name)]
            for key in sorted(keys):
                own = [name for name in about if not self.telescope(key).get(name)]
                missing += [f"{' and '.join(own)} of {key}"] if own else []
            found[form] = ", ".join(missing)
        return found


OPTIONS = {  # name: (form in the help, what it says)
    "submitter": ("NAME", "who sends the report, such as 'A. B. Observer'"),
    "email": ("ADDRESS", "to which the answer goes"),
    "observers": ("NAMES", "separated by ;"),
    "measurers": ("NAMES", "who measured the frames, separated by ;"),
    "institution": ("NAME", "of the submitter"),
    "comment": ("TEXT", "a line for the reader of the report"),
    "aavso_code": ("CODE", "the observer's code of the AAVSO"),
}


def files_of(target):
    """Return {form of report: name of the file} of the reports of a body that runs write by themselves."""
    name = safe_name(target)
    return {"ADES": f"ades_{name}.psv", "ALCDEF": f"lightcurve_{name}.alcdef.txt"}


def add_options(parser, names):
    """Give a parser options for settings; their defaults are those of pp_setup."""
    for name in names:
        form, text = OPTIONS[name]
        parser.add_argument(f"-{name}", metavar=form, help=f"{text} (default: confreport.{name} in pp_setup.py)")


def chosen(settings, args):
    """Return ReportSettings with what the command line says instead; lists are separated by semicolons."""
    changes = {}
    for name in OPTIONS:
        text = getattr(args, name, None)
        if text is not None:
            several = isinstance(getattr(settings, name), tuple)
            changes[name] = tuple(part.strip() for part in text.split(";") if part.strip()) if several else text.strip()
    given = {"design": "design", "aperture": "aperture_m", "fratio": "f_ratio", "mode": "mode"}
    given = {name: getattr(args, option, None) for option, name in given.items()}
    given = {name: value for name, value in given.items() if value is not None}
    if given:
        keys = ["*", *settings.telescopes]
        changes["telescopes"] = {key: {**settings.telescopes.get(key, {}), **given} for key in keys}
    found = replace(settings, **changes)
    for name in ("observers", "measurers", "coinvestigators", "collaborators"):
        if isinstance(getattr(found, name), str):  # a single name without its comma
            setattr(found, name, tuple(part.strip() for part in getattr(found, name).split(";") if part.strip()))
    return found


def remedy(names):
    """Return how to set what is missing, as the end of a message."""
    return f"set it in confreport of your pp_setup.py, or give {', '.join(f'-{name}' for name in names)}"
