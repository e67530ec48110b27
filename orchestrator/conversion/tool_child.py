"""The child that becomes the converter, behind the walls that it cannot take down.

The tool writes into the folder of the model it is given, and over the model itself, so it is given a copy.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from orchestrator.sandbox.inside import Say, serve

MODEL, OUTPUT = "model.onnx", "out"


def _become_tool(spec: dict[str, Any], say: Say) -> None:
    for name, file in spec["files"].items():
        place = Path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    tool = Path(spec["tool"])
    beside = (tool.parent, tool.resolve().parent)  # it calls others that lie there; it may be a link itself
    os.environ["PATH"] = os.pathsep.join((*map(str, beside), os.environ["PATH"]))
    say(stage="converting")
    os.execv(tool, [str(tool), "-i", MODEL, "-o", OUTPUT, *spec["options"]])


if __name__ == "__main__":
    serve(_become_tool)
