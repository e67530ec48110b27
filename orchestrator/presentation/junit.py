"""junit.xml: what CI systems show. A suite for each model, a case for each cell and for each gate on it.

A job without a result is an error and a gate that failed a failure. An undecided gate is an error too: viewers
paint a skipped case green. Only at night, where what is undecided does not block, is it skipped.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from orchestrator.domain.job import JobResult
from orchestrator.domain.outcome import Skipped
from orchestrator.domain.report import CellReport, GateResult, Report
from orchestrator.presentation.again import session_value
from orchestrator.presentation.conversion_words import file_words
from orchestrator.presentation.escape import one_line, printable
from orchestrator.presentation.gate_words import gate_words
from orchestrator.presentation.text import interval, percent, plural, quantity


def to_junit(report: Report) -> str:
    """The whole file."""
    suites = Element("testsuites", name=one_line(report.run.plan))
    by_model: dict[str, list[CellReport]] = defaultdict(list)
    for cell in report.cells:
        by_model[cell.cell.model].append(cell)
    jobs, controls = report.jobs_by_cell, report.controls_by_cell
    for model, cells in by_model.items():
        suite = SubElement(suites, "testsuite", name=one_line(model), timestamp=f"{report.run.started_at:%FT%T}")
        for cell in cells:
            _cell_case(suite, cell, (*jobs.get(cell.cell, ()), *controls.get(cell.cell, ())))
        for gate in (gate for gate in report.gates if gate.cell.model == model):
            _gate_case(suite, gate, is_night=report.profile == "nightly")
        _tell_apart(suite)
        _count(suite, failures="failure", errors="error", skipped="skipped")
    _count(suites, failures="failure", errors="error")
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _case(suite: Element, cell: CellReport | GateResult, *more: str) -> Element:
    name = " / ".join([cell.cell.device, cell.cell.variant, *more])
    return SubElement(suite, "testcase", classname=one_line(cell.cell.model), name=one_line(name))


def _tell_apart(suite: Element) -> None:
    """Numbers cases of one name: viewers take them for one."""
    seen: Counter[str] = Counter()
    for case in suite:
        name = case.get("name", "")
        seen[name] += 1
        if seen[name] > 1:
            case.set("name", f"{name} ({seen[name]})")


def _cell_case(suite: Element, cell: CellReport, jobs: Sequence[JobResult]) -> None:
    case = _case(suite, cell)
    seconds = sum((a.ended_at - a.started_at).total_seconds() for job in jobs for a in job.attempts)
    case.set("time", f"{seconds:.3f}")
    missing = [job for job in jobs if not job.measured]
    if missing or not cell.measured:
        kinds = dict.fromkeys(job.failed.kind.value if job.failed else "skipped" for job in missing)
        words = f"{plural(len(missing), 'job')} of {len(jobs)} without a result"
        _problem(case, "error", ", ".join(kinds) or "not measured", words, "\n".join(map(_why, missing)))
    if cell.measured:
        SubElement(case, "system-out").text = printable(_numbers(cell))


def _why(job: JobResult) -> str:
    number = f"#{job.key.repeat}" + (" (control)" if job.key.control else "")
    if job.failed:
        return f"{number} {job.failed.kind}: {job.failed.reason}"
    return f"{number} skipped: {job.outcome.reason if isinstance(job.outcome, Skipped) else ''}"


def _numbers(cell: CellReport) -> str:
    lines = [f"trust: {cell.trust}" + "".join(f"; {reason}" for reason in cell.reasons)]
    if cell.file:
        lines.append(f"file: {file_words(cell.file)}")
    for name, metric in cell.metrics.items():
        summary = metric.summary
        shown = quantity(summary.value, metric.unit)
        lines.append(f"{name}: {shown} (median of {plural(summary.n, 'job')}, range {interval(summary)})")
    if cell.sensitivity_reason:
        lines.append(f"sensitivity: {percent(cell.sensitivity)} ({cell.sensitivity_reason})")
    lines += [f"session {session.number}: {session_value(session)}" for session in cell.sessions]
    return "\n".join(lines)


def _gate_case(suite: Element, gate: GateResult, *, is_night: bool) -> None:
    words = gate_words(gate)
    case = _case(suite, gate, words.rule)
    case.set("time", "0.000")
    told = f"{words.verdict}: {words.numbers}"
    match gate.verdict:
        case "fail":
            _problem(case, "failure", "gate", told, words.reason)
        case "inconclusive":
            _problem(case, "error", gate.cause or "inconclusive", told, words.reason)
        case "warn" if is_night and gate.is_open:
            SubElement(case, "skipped", message=one_line(f"{words.reason} ({words.numbers})"))
        case _:
            SubElement(case, "system-out").text = printable(f"{told}\n{words.reason}")


def _problem(case: Element, tag: str, kind: str, message: str, text: str) -> None:
    SubElement(case, tag, type=kind, message=one_line(message)).text = printable(text)


def _count(element: Element, **tags: str) -> None:
    """Sets the totals that readers of the format expect, each the number of cases with that tag."""
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for name, tag in tags.items():
        element.set(name, str(sum(1 for case in cases if case.find(tag) is not None)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
