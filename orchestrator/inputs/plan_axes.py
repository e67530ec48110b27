"""The parts of a plan that span its cells: models, devices, variants, and patterns of cells."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestrator.domain.cell import CellPattern
from orchestrator.domain.conversion import DEFAULT_POLICY, DEFAULT_TIMEOUT_S
from orchestrator.inputs.plan_values import (
    OsText,
    Params,
    PathText,
    Positive,
    Section,
    Shape,
    Share,
    Text,
    Timeout,
)
from orchestrator.inputs.quantities import format_duration


class ConversionSection(Section):
    """How .onnx models are converted for devices that take only .tflite, and how alike both must be."""

    max_relative: Share | None = Field(default=None, json_schema_extra={"default": "0.1%"})
    """The largest difference of two values, as a share of the output's largest value."""
    max_absolute: Positive | None = None
    """The largest difference of two values; default: no limit."""
    min_cosine: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, json_schema_extra={"default": DEFAULT_POLICY.min_cosine}
    )
    """The least cosine between the outputs of both."""
    allow_difference: bool | None = Field(default=None, json_schema_extra={"default": False})
    """Whether a model that differs more is measured all the same."""
    timeout_s: Timeout | None = Field(
        default=None, alias="timeout", json_schema_extra={"default": format_duration(DEFAULT_TIMEOUT_S)}
    )
    """How long the conversion of one model may take."""


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
    format: Literal["auto", "onnx", "tflite"] = "auto"
    """What devices get: onnx as it is, tflite (converted where it is none), auto for what each of them takes."""
    conversion: ConversionSection = ConversionSection()
    """Over the plan's."""


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
