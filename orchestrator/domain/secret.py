"""Values that must never be printed: keys and signed URLs."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Secret:
    """A text that hides itself. Only `reveal()` gives it out, at the place that sends it."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__
