"""`bench setup-converter`: the program that makes .tflite of .onnx, in an environment of its own."""

import click

from orchestrator.cli.home import home


@click.command("setup-converter")
@click.option("--python", default="python3.12", show_default=True, help="A Python 3.12 or newer to build it on.")
def command(python: str) -> None:
    """Install onnx2tf, which makes .tflite of .onnx, apart from everything else, from pip's own package index.

    It goes into the state folder. To share one among folders, set BENCH_ONNX2TF to its program.
    """
    from orchestrator.conversion.environment import make_environment
    from orchestrator.conversion.tool import VARIABLE, environment_folder, find_tool
    from orchestrator.history.lock import held

    with held(home() / "converter.lock", "the converter's environment"):
        path = make_environment(environment_folder(home()), python, lambda text: click.echo(text, err=True))
        tool = find_tool({VARIABLE: str(path)}, home())
    click.echo(f"onnx2tf {tool.version} is installed: {tool.path}")
