"""A column that holds a value as JSON. How its kind is read is worked out when the first is: most are never met."""

from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


class Document(Generic[T]):
    """One kind of value, from text and to text. What was not written by it raises pydantic's ValidationError."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind

    def read(self, text: str) -> T:
        """The value that was written."""
        return self._adapter.validate_json(text)

    def write(self, value: T) -> str:
        """The value as text."""
        return self._adapter.dump_json(value).decode()

    @cached_property
    def _adapter(self) -> "TypeAdapter[T]":
        from pydantic import TypeAdapter

        return TypeAdapter(self._kind)
