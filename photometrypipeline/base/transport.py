"""How requests are sent: within a time limit for the whole answer, to a replaced address, past no proxy at home."""

import io
import time
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from photometrypipeline.base import services

UNRESOLVED = ("Failed to resolve", "Name or service not known", "name resolution", "nodename nor servname")


def session(headers):
    """Return a new requests.Session with these headers (dict)."""
    new = requests.Session()
    new.headers.update(headers)
    return mounted(new)


def mounted(session, redirection=None):
    """Return a requests.Session after its transport has been made ours; `redirection` as in Adapter."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter(redirection))
    return session


def raise_if_passing(error, connect_s, read_s):
    """Raise Retry if the failure of a request may pass; return if another try is pointless.

    error : OSError; one that requests does not raise is raised again
    """
    if isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError):
        raise services.Retry(words(error, connect_s, read_s)) from None
    if isinstance(error, requests.exceptions.ContentDecodingError):
        raise services.Retry(f"an answer that cannot be decompressed: {error}") from None
    if not isinstance(error, requests.RequestException):
        raise error


class Adapter(HTTPAdapter):
    """Transport that reads the whole answer within services.TOTAL_LIMIT_S and may send a standard address elsewhere."""

    def __init__(self, redirection=None):
        self.redirection = redirection
        super().__init__()

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        if self.redirection and request.url.startswith(self.redirection[0]):
            request.url = self.redirection[1] + request.url.removeprefix(self.redirection[0])
        if urlsplit(request.url).hostname in services.LOOPBACK:
            proxies = None  # a proxy could not reach this machine
        response = super().send(request, True, timeout, verify, cert, proxies)
        return response if stream else self._read(request, response)

    def _read(self, request, response):
        # The read time limit is one of silence: a server that sends a byte now and then would keep us for ever.
        deadline = time.monotonic() + services.TOTAL_LIMIT_S
        chunks = []
        for chunk in response.iter_content(1 << 16):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                response.close()
                raise requests.ReadTimeout(f"the answer takes longer than {services.TOTAL_LIMIT_S} s", request=request)
        packing = {"content-encoding", "content-length", "transfer-encoding"}  # of the answer as it was sent
        headers = {key: value for key, value in response.headers.items() if key.lower() not in packing}
        body = io.BytesIO(b"".join(chunks))
        whole = HTTPResponse(body, headers, response.status_code, reason=response.reason, preload_content=False)
        return self.build_response(request, whole)


def words(error, connect_s, read_s):
    """Return in an observer's words why a request failed, after the time limits that it had."""
    if any(text in str(error) for text in UNRESOLVED):
        return services.NO_NAME
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {connect_s:g} s"
    if isinstance(error, requests.ReadTimeout) and "answer takes" not in str(error):
        return f"no answer within {read_s:g} s"
    return f"{cause(error)} ({type(error).__name__})"


def cause(error):
    """Return the innermost cause that a requests exception tells of, such as "Connection refused"."""
    text = str(error).rsplit(": ", 1)[-1].split("',")[0].strip("()'\" ")
    return text + ")" * (text.count("(") - text.count(")"))
