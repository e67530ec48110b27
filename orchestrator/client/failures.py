"""Foreign exceptions, translated at the border into ours.

What matters most is whether the request may have been carried out: only what fails before a request is written
on a connection is "not sent"; everything else that ends without an answer may have happened.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from pydantic import ValidationError

from orchestrator.client.foreign_text import quoted
from orchestrator.errors import AnswerLost, CloudError, Misbehaving, Unreachable

# No connection, no place in the pool, or a proxy that let nothing through.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
# An address or an answer that is not the protocol's. UnicodeError: a host name that no resolver takes.
NOT_THE_PROTOCOL = (
    httpx.DecodingError,
    httpx.TooManyRedirects,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.CookieConflict,
    ValidationError,
    UnicodeError,
    RecursionError,
)
# OSError: ssl.SSLError and the built-in TimeoutError are among its kinds, and httpx lets some of them through.
MAYBE_SENT = (httpx.HTTPError, httpx.StreamError, OSError)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turns what fails inside into a CloudError that names `place`.

    The foreign exception is left out of it: it may hold the request, and with it a key or a signed URL.
    """
    try:
        yield
    except CloudError:
        raise
    except NOT_SENT as error:
        message = f"{place}: no connection ({quoted(str(error)) or type(error).__name__}); is the network up?"
        raise Unreachable(message) from None
    except NOT_THE_PROTOCOL as error:
        message = f"{place}: not an answer of the protocol ({type(error).__name__})"
        raise Misbehaving(message) from None
    except MAYBE_SENT as error:
        message = f"{place}: no answer ({type(error).__name__})"
        raise AnswerLost(message) from None
