"""Pictures as SVG path data: marks on one line, in thousandths of the picture's width.

The template stretches them with `viewBox="0 0 1000 <height>" preserveAspectRatio="none"`, so that a picture needs no
width, and one path holds all marks of a kind in few bytes.
"""

from collections.abc import Iterable

WIDTH = 1000


def dashes(spans: Iterable[tuple[float, float]], y: int) -> str:
    """A dash from each begin to its end (0 to 1), at least one unit long so that none vanishes."""
    return "".join(_dash(round(begin * WIDTH), round(end * WIDTH), y) for begin, end in spans)


def _dash(begin: int, end: int, y: int) -> str:
    begin = min(begin, WIDTH - 1)
    return f"M{begin} {y}h{max(1, end - begin)}"


def dots(places: Iterable[float], y: int) -> str:
    """A dot at each place (0 to 1): a dash without length, which a round line cap makes visible."""
    return "".join(f"M{round(place * WIDTH)} {y}h0" for place in places)


def upright(place: float, top: int, bottom: int) -> str:
    """An upright line at the place."""
    return f"M{round(place * WIDTH)} {top}v{bottom - top}"
