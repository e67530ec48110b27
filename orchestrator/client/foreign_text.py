"""Text from the other end of the wire, made fit for our messages: short, harmless, without secrets."""

import re
from collections.abc import Iterable

from orchestrator.domain.secret import Secret

MAX_CHARS = 300
_QUERY = re.compile(r"(https?://[^\s?#'\"<>]*)[?#][^\s'\"<>]*", re.IGNORECASE)


def harmless(text: str, limit: int = MAX_CHARS) -> str:
    """The text on one line, without control characters and what reorders text, cut to `limit` characters."""
    cut = text[: 4 * limit]
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in cut).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def quoted(text: str, secrets: Iterable[Secret] = ()) -> str:
    """What a server said, to be repeated in a message: harmless, without the secrets and without URLs' queries.

    A server may say back what it was sent, and a signed URL's query is a secret.
    """
    for secret in secrets:
        text = text.replace(secret.reveal(), "***")
    return harmless(_QUERY.sub(r"\1?***", text))
