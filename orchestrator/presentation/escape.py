"""One function for each language that foreign text is written into. Names, statuses and reasons are hostile.

HTML is escaped by Jinja's autoescape, XML by ElementTree; both get `printable` text.
"""

import re
from html import escape

# C0 and C1 controls but tab and newline, lone surrogates, non-characters, and what reorders text for the eye
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_FORMULA = ("=", "+", "-", "@")


def printable(text: str) -> str:
    """The text without anything that a terminal, an XML parser or an eye could be led astray by."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = 300) -> str:
    """Printable, on one line, and cut with "…" beyond `limit` characters."""
    flat = " ".join(printable(text[: 4 * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def markdown(text: str, limit: int = 300) -> str:
    """Text for GitHub's Markdown, also within a table: no markup, no mention, no link, no HTML."""
    safe = _MARKDOWN.sub(r"\\\1", escape(one_line(text, limit), quote=False))
    return safe.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def workflow_data(text: str) -> str:
    """Text of a workflow command of GitHub's, after its second "::"."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """Text of a property of such a command."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def no_workflow_command(text: str) -> str:
    """Text for a log that GitHub reads: looks the same, and no line of it can be taken for a command."""
    return text.replace("::", ":\u200b:").replace("##[", "#\u200b#[")


def csv_text(text: str) -> str:
    """Text for a spreadsheet, on one line: what would be taken for a formula gets a leading apostrophe."""
    flat = printable(text).replace("\n", " ").replace("\t", " ")
    return "'" + flat if flat.lstrip().startswith(_FORMULA) else flat
