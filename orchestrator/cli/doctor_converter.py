"""What `bench doctor` says of the converter: whether it is there, and how to get it."""

import os

from orchestrator.cli.finding import Finding
from orchestrator.cli.home import home

_USE = "makes .tflite of .onnx for phones and hubs"


def converter_finding() -> Finding:
    """Only needed for .onnx models on devices that take .tflite alone. Where there is a converter, it is started."""
    from orchestrator.conversion.tool import COMMAND, TOOL, NoConverter, find_tool

    try:
        tool = find_tool(os.environ, home())
    except NoConverter as error:
        return Finding(name=TOOL, ok=False, found=str(error).removesuffix(f": {COMMAND}"), advice=COMMAND)
    return Finding(name=TOOL, ok=True, found=f"{tool.version} at {tool.path} ({_USE})")
