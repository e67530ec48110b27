"""A plan that runs by itself, while its file is being worked on: one that is broken is read as it last was good."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.domain.plan import Plan
from orchestrator.errors import PlanError, Problem, UsageError
from orchestrator.inputs.plan_file import load_plan
from orchestrator.inputs.text_file import read_text_file


@dataclass(frozen=True, kw_only=True)
class LastGood:
    """A plan with a schedule; `broken` says what is wrong with its file now, None where it was read from there."""

    plan: Plan
    broken: PlanError | None = None


def load_last_good(path: Path, kept: Path) -> LastGood:
    """The plan in a file, whose text is kept in the folder `kept`; from there while the file is broken.

    Raises PlanError, with what is wrong with the file, where there is nothing good to go back to, and where a plan
    that is whole has no schedule; UsageError where the text cannot be kept.
    """
    name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
    memory = kept / f"{name}.yaml"
    try:
        plan = load_plan(path)
    except PlanError as error:
        return LastGood(plan=_remembered(path, memory, error), broken=error)
    if plan.schedule is None:
        message = "the plan has no 'schedule', so there is no time to run it at"
        hint = 'such as: schedule: {cron: "0 2 * * *", timezone: Europe/Stockholm}'
        raise PlanError([Problem(file=str(path), message=message, hint=hint)])
    try:
        _remember(plan.text.encode(), memory)
    except OSError as error:
        message = f"the plan's text cannot be kept in {kept}: {error.strerror}"
        raise UsageError(message) from None
    return LastGood(plan=plan)


def _remember(text: bytes, memory: Path) -> None:
    if memory.is_file() and memory.read_bytes() == text:
        return
    memory.parent.mkdir(parents=True, exist_ok=True)
    fresh = memory.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(text)
    fresh.replace(memory)


def _remembered(path: Path, memory: Path, error: PlanError) -> Plan:
    if not memory.is_file():
        raise error
    try:
        return load_plan(path, read_text_file(memory))
    except PlanError:  # its models are gone, say
        raise error from None
