"""`bench compare`: two runs side by side, down to layers."""

import io
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.stored import stored_report
from orchestrator.domain.comparison import Comparison
from orchestrator.domain.report import Report
from orchestrator.errors import UsageError

_FORMATS = ("text", "html", "md", "json")


@click.command("compare")
@click.argument("run")
@click.argument("baseline")
@click.option("--model", "models", multiple=True, metavar="A=B", help="Compare model A of RUN with B of BASELINE.")
@click.option("--device", "devices", multiple=True, metavar="A=B", help="Compare device A of RUN with B of BASELINE.")
@click.option("--variant", "variants", multiple=True, metavar="A=B", help="Compare variant A with B.")
@click.option("--metric", default="", help="What to judge by; default: the latency that most cells have.")
@click.option("--threshold", default="5%", show_default=True, help="From where on a change counts.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: the same as --format json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file to write to; default: stdout.")
def command(
    run: str,
    baseline: str,
    models: tuple[str, ...],
    devices: tuple[str, ...],
    variants: tuple[str, ...],
    metric: str,
    threshold: str,
    form: str,
    as_json: bool,
    output: Path | None,
) -> None:
    """Compare RUN with BASELINE, each an id, a run's folder, a results.json or "latest".

    Both may be the same run, to compare two of its models or devices: --device pixel=galaxy.
    """
    from orchestrator.domain.compare import Renaming, compare
    from orchestrator.presentation.comparison_report import print_comparison
    from orchestrator.presentation.write import write_text

    renaming = Renaming(models=_pairs(models), devices=_pairs(devices), variants=_pairs(variants))
    report, other = awaited(_both(run, baseline))
    comparison = compare(report, other, renaming=renaming, metric=metric, threshold=_fraction(threshold))
    _check(comparison, report, other)
    form = "json" if as_json else form
    if output:
        click.echo(str(write_text(output, _text(report, comparison, form))))
    elif form == "text":
        print_comparison(comparison, stream=sys.stdout)
    else:
        click.echo(_text(report, comparison, form), nl=False)


async def _both(run: str, baseline: str) -> tuple[Report, Report]:
    return (await stored_report(run))[0], (await stored_report(baseline))[0]


def _text(report: Report, comparison: Comparison, form: str) -> str:
    if form == "html":
        from orchestrator.presentation.html_report import to_html

        return to_html(replace(report, comparison=comparison))
    from orchestrator.presentation import comparison_report

    if form == "json":
        return comparison_report.comparison_json(comparison) + "\n"
    if form == "md":
        return comparison_report.comparison_markdown(comparison)
    text = io.StringIO()
    comparison_report.print_comparison(comparison, stream=text)
    return text.getvalue()


def _check(comparison: Comparison, report: Report, other: Report) -> None:
    """Nothing to compare is an error that names what there is, never an empty table."""
    if any(found.cell and found.baseline for found in comparison.cells):
        return
    names = "; ".join(
        f"{side} has {', '.join(str(found.cell) for found in of.cells[:3])}{' …' if len(of.cells) > 3 else ''}"
        for side, of in (("RUN", report), ("BASELINE", other))
    )
    message = (
        f"the two runs share no cell ({names}); --model A=B or --device A=B sets differently named ones side by side"
    )
    raise UsageError(message)


def _pairs(texts: tuple[str, ...]) -> Mapping[str, str]:
    """Each "A=B" as a pair."""
    found = {}
    for text in texts:
        name, _, other = text.partition("=")
        if not (name and other):
            message = f"{text!r} is not a pair A=B of names"
            raise UsageError(message)
        found[name] = other
    return found


def _fraction(text: str) -> float:
    """ "5%" or "0.05" as 0.05."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        message = f"--threshold {text!r} is not a share such as 5% or 0.05"
        raise UsageError(message)
    return value
