"""report.html: one self-contained file that asks the network for nothing.

Its Content-Security-Policy allows the embedded style and script by the hashes of their exact bytes and nothing else,
so that a text which slipped through the escaping could still not run. Everything works without the script.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestrator.domain.report import Report
from orchestrator.presentation.escape import printable
from orchestrator.presentation.page.cells import encoded
from orchestrator.presentation.page.layer_data import layer_data
from orchestrator.presentation.page.matrix import Matrix
from orchestrator.presentation.page.page import page_of

_TEMPLATES = Path(__file__).parent / "templates"


def to_html(report: Report) -> str:
    """The report page."""
    page = page_of(report)
    data = {
        "matrices": [_matrix_data(matrix) for matrix in page.matrices],
        "rest": page.cells.rest,
        "layers": layer_data(report),
    }
    name = report.run.plan
    return render("report.html.j2", style="page.css", script="report.js", page=page, plan_name=name, data=data)


def _matrix_data(matrix: Matrix) -> dict[str, Any]:
    """The choices that are not in the document yet, and which cell each field is."""
    choices = [{"texts": encoded(c.texts), "styles": encoded(c.styles)} for c in matrix.choices[1:]]
    return {"choices": choices, "cells": matrix.cells}


def render(template: str, *, style: str, script: str, **values: Any) -> str:
    """Fills a template of this room; `style` and `script` are the files to embed, "" for none."""
    css, js = _asset(style), _asset(script)
    policy = content_policy(css, js)
    return _environment().get_template(template).render(css=Markup(css), js=Markup(js), policy=policy, **values)


def content_policy(css: str, js: str) -> str:
    """The policy that allows exactly this style and this script."""
    scripts = f"script-src '{_hash(js)}'; require-trusted-types-for 'script'; trusted-types 'none'; " if js else ""
    return f"default-src 'none'; {scripts}style-src '{_hash(css)}'; img-src data:; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _asset(name: str) -> str:
    """An embedded file with LF ends, whatever the checkout made of it: the hash is over these bytes."""
    return (_TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n") if name else ""


@cache
def _environment() -> Environment:
    """Everything is escaped, and every text is printable before that."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":")}
    return environment


def _printable(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
