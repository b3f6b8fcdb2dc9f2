"""Tables and images sent to the programs that are open beside: TOPCAT, Aladin, DS9 and whoever else speaks SAMP.

Each message goes to the programs that have said that they take its kind; the files stay where they are.
"""

import contextlib
import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path

from photometrypipeline import __version__
from photometrypipeline.base.errors import PipelineError

TABLE, IMAGE, DS9_COMMAND = "table.load.votable", "image.load.fits", "ds9.set"
ABOUT = {
    "samp.name": "Photometry Pipeline",
    "samp.description.text": "light curves, frames and regions of a data set",
    "photometrypipeline.version": __version__,
}
NO_HUB = "no SAMP hub is running; start TOPCAT, Aladin or DS9 first, each of which brings one"


@dataclass(frozen=True)
class Message:
    """What is sent: kind (`mtype` of SAMP), and its parameters; name : what it is, in words."""

    kind: str
    parameters: dict
    name: str


def table(path):
    """Return the Message that loads a VOTable."""
    path = Path(path).resolve()
    return Message(TABLE, {"url": path.as_uri(), "table-id": str(path), "name": path.stem}, path.name)


def image(path):
    """Return the Message that loads a FITS image."""
    path = Path(path).resolve()
    return Message(IMAGE, {"url": path.as_uri(), "image-id": str(path), "name": path.name}, path.name)


def regions(path):
    """Return the Message that loads a region file into DS9."""
    path = Path(path).resolve()
    return Message(DS9_COMMAND, {"cmd": f"regions load {{{path}}}"}, path.name)


@contextlib.contextmanager
def connected():
    """Yield a client of the hub that is running.  Raises PipelineError where there is none."""
    samp = library()
    with (
        warnings.catch_warnings(),
        samp.conf.set_temp("use_internet", False),
    ):  # else it asks a web page for its address
        warnings.simplefilter("ignore")
        client = samp.SAMPIntegratedClient(metadata=ABOUT, addr="127.0.0.1")
        try:
            client.connect()
        except (samp.SAMPHubError, OSError) as error:
            raise PipelineError(f"{NO_HUB} ({error})") from None
        try:
            yield client
        finally:
            with contextlib.suppress(samp.SAMPHubError, OSError):
                client.disconnect()


def library():
    """Return the module that speaks SAMP: astropy's, which in time moves to pyvo."""
    try:
        return importlib.import_module("pyvo.samp")
    except ImportError:
        return importlib.import_module("astropy.samp")


def send(messages):
    """Send the Messages; return a line (str) for each, with the programs that took it.  Raises PipelineError."""
    told = []
    with connected() as client:
        names = {each: client.get_metadata(each).get("samp.name", each) for each in client.get_registered_clients()}
        for message in messages:
            takers = [each for each in client.get_subscribed_clients(message.kind) if each != "hub"]
            for each in takers:
                client.notify(each, {"samp.mtype": message.kind, "samp.params": message.parameters})
            whom = ", ".join(sorted(names.get(each, each) for each in takers))
            told.append(f"{message.name}: sent to {whom}" if takers else f"{message.name}: no program here takes it")
    return told
