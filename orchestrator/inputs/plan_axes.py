"""The parts of a plan that span its cells: models, devices, variants, and patterns of cells."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestrator.domain.cell import CellPattern
from orchestrator.inputs.plan_values import OsText, Params, PathText, Section, Shape, Text


class ModelSection(Section):
    """Model files with what is to be said of them."""

    name: Text | None = None
    """What reports call it; default: the file's stem."""
    path: PathText
    """A file, or a glob of files, relative to the plan."""
    inputs: dict[Text, Shape] = Field(default={})
    """The shape of inputs that have dynamic dimensions."""
    params: Params = Field(default={})
    """Flags over the plan's params."""


class SelectorSection(Section):
    """Which devices are meant: those that fit all that is said."""

    name: Text = "*"
    """A glob of device names."""
    platform: Literal["ANDROID", "IOS"] | None = None
    os: OsText | None = None
    """Version comparisons such as '>=17' or '>=13,<15', or a glob such as 'Android 1*'."""
    vendor: Text = "*"
    """A glob."""
    type: Text = "*"
    """A glob."""
    limit: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Take the first so many, in the cloud's order."""

    @model_validator(mode="after")
    def _says_something(self) -> "SelectorSection":
        if not self.model_fields_set:
            message = "the selector is empty; for all devices write '*'"
            raise ValueError(message)
        return self


class VariantSection(Section):
    """A named set of flags: the third axis beside models and devices."""

    name: Text
    params: Params = Field(default={})


class PatternSection(Section):
    """Which cells are meant, by globs of names."""

    model: Text = CellPattern.model
    device: Text = CellPattern.device
    variant: Text = CellPattern.variant

    @model_validator(mode="after")
    def _says_something(self) -> "PatternSection":
        if not self.model_fields_set:
            message = "the pattern is empty and would mean every cell"
            raise ValueError(message)
        return self
