"""A workshop with the tool that stands for onnx2tf, well or with a fault."""

import os
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.conversion import tool as tools
from orchestrator.conversion.cache import Cache
from orchestrator.conversion.convert import Workshop
from orchestrator.conversion.tool import VARIABLE, find_tool
from orchestrator.domain.conversion import DEFAULT_POLICY, ConversionPolicy, ConvertedModel, Converter
from orchestrator.domain.model import Model
from orchestrator.inputs.model_file import inspect_model

STUB = runpy.run_path(str(Path(__file__).with_name("stub_tool.py")))
SHAPES = {"image": (1, 3, 12, 8), "ids": (1, 4)}


@pytest.fixture(autouse=True)
def forgotten_tools() -> None:
    """Each test asks its own tools for their version."""
    tools._asked.cache_clear()


@pytest.fixture
def write_tool() -> Callable[..., Path]:
    """Writes a tool; see stub_tool.py."""
    written: Callable[..., Path] = STUB["write_tool"]
    return written


@pytest.fixture(scope="session")
def inspected() -> Model:
    """The recorded model, looked into once."""
    return inspect_model("small", STUB["SMALL"], inputs=SHAPES)


@pytest.fixture
def small(inspected: Model, tmp_path: Path) -> Model:
    """The recorded model, in a folder of the test's."""
    path = tmp_path / "models" / "small.onnx"
    path.parent.mkdir()
    path.write_bytes(STUB["SMALL"].read_bytes())
    return replace(inspected, path=path)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that is none of the tool's business."""
    path = tmp_path / "secret"
    path.write_text("secret")
    return path


class Bench:
    """Converts with a tool of the test's."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.said: list[str] = []
        self.cache = folder / "conversions"
        self.workshop = Workshop(
            tool=find_tool({VARIABLE: str(path), "PATH": os.defpath}, folder),
            cache=Cache(self.cache),
            say=self.said.append,
        )

    def convert(self, model: Model, **policy: Any) -> ConvertedModel:
        """The model, for a phone."""
        return self.workshop.convert(model, wanted(model, **policy))


def wanted(model: Model, **policy: Any) -> ConvertedModel:
    """A conversion that is asked for."""
    return ConvertedModel(
        name=model.name,
        devices=("phone",),
        converter=Converter(tool="", version=""),
        source_sha256=model.sha256,
        source_size_bytes=model.size_bytes,
        policy=ConversionPolicy(**policy).over(DEFAULT_POLICY),
    )


@pytest.fixture
def bench(tmp_path: Path, write_tool: Callable[..., Path], secret: Path) -> Callable[..., Bench]:
    """bench(fault): a workshop whose tool has it."""

    def make(fault: str = "") -> Bench:
        return Bench(tmp_path, write_tool(tmp_path / "tool" / f"onnx2tf{fault}", fault, secret=secret))

    return make


@pytest.fixture
def ask() -> Callable[..., ConvertedModel]:
    """See `wanted`."""
    return wanted
