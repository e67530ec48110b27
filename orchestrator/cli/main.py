"""The command line: finds the command, runs it, and turns how it ended into an exit code.

Each command lives in a file of its own, imported only when it is the one that was asked for.
"""

import gc
import importlib
import sys
from pathlib import Path

import click

from orchestrator import __version__
from orchestrator.errors import BenchError, Interrupted

BUG, USAGE = 70, 2
_GARBAGE = 50_000  # new objects until cycles are looked for: what is read at a start, and imported, makes none

COMMANDS: dict[str, str] = {
    "init": "Write a plan to start from.",
    "check": "All that can be known without spending device minutes.",
    "run": "Measure what a plan asks for, and report it.",
    "attach": "A run's live table from anywhere.",
    "resume": "Go on with an interrupted run.",
    "cancel": "End an interrupted run that nobody wants any more.",
    "runs": "What has been run here.",
    "show": "One run in the terminal.",
    "compare": "Two runs side by side, down to layers.",
    "report": "Render a run's reports again, offline.",
    "gate": "A run's verdicts again, offline.",
    "baseline": "Named runs, and changes that are wanted.",
    "alerts": "Changes for the worse, and who knows of them.",
    "history": "Cells over time.",
    "calibrate": "How much a farm scatters, and which tolerances it can hold.",
    "schedule": "Run plans at their times, until stopped.",
    "devices": "The cloud's devices.",
    "cloud": "The local device cloud.",
    "setup-converter": "Install what makes .tflite of .onnx.",
    "worker": "Carry out detached runs, with any number of others.",
    "doctor": "What is set up, what is not, and what to do.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the one command that was asked for."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"orchestrator.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, or an error that suggests the nearest one."""
        if args and args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else "'bench --help' lists the commands"
            message = f"there is no command {args[0]!r}; {hint}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from the names alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
def bench() -> None:
    """Measure machine-learning models on real devices, and tell with evidence whether a model may ship."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and gives back its exit code. Whatever happens, a user sees no traceback."""
    try:
        code = bench.main(args=arguments, prog_name="bench", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt, SystemExit):  # the last where whoever read the output has gone
        return Interrupted.exit_code
    except BenchError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except Exception as error:
        click.echo(f"error: this is a bug in bench; the details are in {save_traceback(error)}", err=True)
        return BUG


def save_traceback(error: Exception) -> Path:
    """The log file with the details of a bug, for its author."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="bench-bug-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)


def entry_point() -> None:
    """What the installed command calls."""
    gc.set_threshold(_GARBAGE)
    code = main()
    gc.freeze()  # all that is left ends with the process: to look through it once more takes a tenth of a second
    sys.exit(code)
