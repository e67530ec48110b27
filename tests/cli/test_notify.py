"""`--notify` as somebody uses it: news of a run at a webhook, once, whatever the run comes to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

PLAN = """\
version: 1
name: night
models: [tiny.tflite]
devices: [host-cpu-1t]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 3
limits: {poll_interval: 50ms}
gates: [{metric: latency_ms, max: 0.00001}]
gating: {max_sessions: 1}
schedule: {cron: "* * * * *"}
notify: [$HOOK, $AWAY]
"""


@pytest.fixture
def told() -> Iterator[tuple[list[Any], dict[str, str]]]:
    """The documents that came to a webhook, and the environment that names it."""
    documents: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            documents.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/s3cret-p4th"
    yield documents, {"HOOK": address, "BENCH_WEBHOOK_SECRET": "s3cret", "BENCH_REPORT_URL": "https://lab.example/r/"}
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_failed_gate_is_told_once_and_a_run_that_broke_off_until_it_is_over(folder: Any, told: Any) -> None:
    documents, environment = told
    folder.write(PLAN)
    first = folder.bench("run", "plan.yaml", "--notify", "--quiet", **environment)
    assert first.returncode == 10, first.stderr
    assert "could not tell $AWAY: AWAY is not set; tried again next time" in first.stderr
    (document,) = documents
    (run,) = folder.runs()
    assert document["title"] == "night: 1 failed gate"
    assert "latency_ms at most 1e-05" in document["news"][0]["text"]
    assert document["report"] == f"https://lab.example/r/{run.name}/report.html"
    lost = folder.bench("run", "plan.yaml", "--notify", "--quiet", "--cloud", "hub", **environment)
    assert lost.returncode == 2
    assert documents[1]["news"][0]["kind"] == "unfinished"
    again = folder.bench("schedule", "plan.yaml", "--once", **environment)
    assert again.returncode == 10
    assert "told $HOOK: night: 1 fine again" in again.stderr
    assert [document["title"] for document in documents[2:]] == ["night: 1 fine again"]
    assert "s3cret" not in first.stderr + lost.stderr + again.stderr
    for path in (path for path in folder.path.rglob("*") if path.is_file()):
        assert b"s3cret" not in path.read_bytes(), path


def test_the_doctor_and_the_check_say_what_a_plan_needs(folder: Any) -> None:
    folder.write(PLAN.replace("[$HOOK, $AWAY]", "[$HOOK, a@example.com, 'https://lab.example/hook']"))
    said = folder.bench("doctor", "plan.yaml", HOOK="x").stdout
    assert "ok   notify of plan.yaml: HOOK is set" in said
    assert "BENCH_MAIL_URL is not set" in said
    assert "-> it holds the secret that webhooks are signed with" in said
    assert "'notify' needs BENCH_MAIL_URL" in folder.shown("check", "plan.yaml", HOOK="x")
