"""The shape of a plan, as pydantic reads it and as editors know it.

`python -m orchestrator.inputs.plan_schema > plan.schema.json` writes the JSON Schema. Defaults are the domain's.
"""

import json
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag
from pydantic.json_schema import GenerateJsonSchema

from orchestrator.domain.plan import Plan
from orchestrator.inputs.plan_axes import (
    ConversionSection,
    ModelSection,
    PatternSection,
    SelectorSection,
    VariantSection,
)
from orchestrator.inputs.plan_policy import (
    BaselineSection,
    GateSection,
    GatingSection,
    LimitsSection,
    LocalSection,
    NotifySection,
    ScheduleSection,
)
from orchestrator.inputs.plan_values import (
    Cloud,
    FileName,
    NotifyTarget,
    Params,
    PathText,
    Section,
    TagValue,
    Text,
    Version,
)

TEXT_TAG, MAPPING_TAG = "<text>", "<mapping>"  # parts of an error's place that are not in the file
MAX_ENTRIES = 1000
MAX_VARIANTS = 100


def _kind(value: object) -> str | None:
    if isinstance(value, dict | Section):
        return MAPPING_TAG
    return TEXT_TAG if isinstance(value, str | int | float) and not isinstance(value, bool) else None


type_or_mapping = Discriminator(_kind)
ModelItem = Annotated[Annotated[PathText, Tag(TEXT_TAG)] | Annotated[ModelSection, Tag(MAPPING_TAG)], type_or_mapping]
DeviceItem = Annotated[Annotated[Text, Tag(TEXT_TAG)] | Annotated[SelectorSection, Tag(MAPPING_TAG)], type_or_mapping]
NotifyItem = Annotated[
    Annotated[NotifyTarget, Tag(TEXT_TAG)] | Annotated[NotifySection, Tag(MAPPING_TAG)], type_or_mapping
]


class PlanSection(Section):
    """A plan of bench: which models are measured on which devices, how often, and what they must keep."""

    version: Version = 1
    """The version of this format."""
    name: FileName
    """What the run is called."""
    project: Text | None = None
    """The hub's project, created if missing; default: the name."""
    cloud: Cloud = Plan.cloud
    """local, hub, or the address of a device cloud."""
    local: LocalSection = LocalSection()
    conversion: ConversionSection = ConversionSection()
    models: list[ModelItem] = Field(min_length=1, max_length=MAX_ENTRIES)
    """Model files: paths, globs, or mappings with more to say."""
    devices: list[DeviceItem] = Field(min_length=1, max_length=MAX_ENTRIES)
    """Devices: names, globs of names, or selectors."""
    variants: list[VariantSection] = Field(default=[], max_length=MAX_VARIANTS)
    include: list[PatternSection] = Field(default=[], max_length=MAX_ENTRIES)
    """Cells to add, on any device of the cloud."""
    exclude: list[PatternSection] = Field(default=[], max_length=MAX_ENTRIES)
    """Cells to leave out."""
    params: Params = Field(default={})
    """Flags of LiteRT's benchmark_model, for every job."""
    repeats: Annotated[int, Field(ge=1, le=100)] = Plan.repeats
    """Jobs of each cell: they are what the numbers rest on."""
    tags: dict[Text, TagValue] = Field(default={})
    """Tags of the runs on the hub."""
    limits: LimitsSection = LimitsSection()
    baseline: BaselineSection = BaselineSection()
    gates: list[GateSection] = Field(default=[], max_length=MAX_ENTRIES)
    gating: GatingSection = GatingSection()
    schedule: ScheduleSection | None = None
    notify: list[NotifyItem] = Field(default=[], max_length=100)


class _EditorSchema(GenerateJsonSchema):
    """Leaves out what only matters inside: `null` for absent keys, defaults of whole sections, and titles."""

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        """The schema of the value itself."""
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        """With other keys than those of the pattern forbidden, where keys have one."""
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """With the default only where a user could have written it."""
        made = super().default_schema(schema)
        if made.get("default") in (None, [], {}) or isinstance(made.get("default"), dict):
            made.pop("default", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: the keys say it."""
        return False


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan."""
    made = PlanSection.model_json_schema(by_alias=True, schema_generator=_EditorSchema)
    return {"$schema": _EditorSchema.schema_dialect, **made, "title": "A plan of bench"}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
