"""The figures of the three daemons for Prometheus, the dashboard for Grafana that is made of them, logs with fields and
the trace of a submit on its way through all daemons."""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import SOURCE, OnDatabase, Sqlite, main, until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? (\S+)')


def figures_at(path):
    """The text that a daemon serves on its unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return body.decode()


def samples(text):
    """Value by name with labels. Fails on a line that is none of the format."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert (match[1] + (match[2] or "")) not in found, line
        found[match[1] + (match[2] or "")] = float(match[3])
    return found


class FiguresOnSqlite(OnDatabase, unittest.TestCase):
    make_database = Sqlite

    @classmethod
    def setUpClass(cls):
        cls.sockets = pathlib.Path(tempfile.mkdtemp(prefix="windlass-figures-"))
        cls.addClassCleanup(shutil.rmtree, cls.sockets, ignore_errors=True)
        cls.environment = {
            "WINDLASS_SCHEDULER_METRICS_LISTEN": f"unix:{cls.sockets}/scheduler",
            "WINDLASS_WORKER_METRICS_LISTEN": f"unix:{cls.sockets}/worker",
            "WINDLASS_LOG_FORMAT": "json",
        }
        super().setUpClass()

    def setUp(self):
        self.admin = self.dev.admin()

    def all_figures(self):
        return {
            "api": self.admin.get("/metrics").body.decode(),
            "scheduler": figures_at(self.sockets / "scheduler"),
            "worker": figures_at(self.sockets / "worker"),
        }

    def test_every_daemon_counts_what_a_job_did(self):
        before = {name: samples(text) for name, text in self.all_figures().items()}
        job = self.admin.submit("exit 3")
        self.assertEqual(self.admin.wait(job)["status"], "failed")
        after = {name: samples(text) for name, text in self.all_figures().items()}

        def grew(daemon, name):
            return after[daemon][name] - before[daemon][name]

        self.assertGreaterEqual(grew("scheduler", "windlass_jobs_submitted_total"), 1)
        self.assertGreaterEqual(grew("scheduler", "windlass_jobs_ended_total"), 1)
        self.assertGreaterEqual(grew("scheduler", "windlass_commits_total"), 1)
        self.assertGreaterEqual(grew("scheduler", "windlass_commit_duration_seconds_count"), 1)
        self.assertGreaterEqual(grew("worker", 'windlass_worker_attempts_finished_total{outcome="exited"}'), 1)
        self.assertGreaterEqual(grew("worker", "windlass_worker_attempt_duration_seconds_count"), 1)
        self.assertGreaterEqual(grew("worker", "windlass_worker_samples_sent_total"), 1)
        self.assertEqual(after["worker"]["windlass_worker_connected"], 1)
        self.assertEqual(after["scheduler"]["windlass_workers_connected"], 1)
        self.assertEqual(after["api"]["windlass_scheduler_up"], 1)
        looks, seconds = (after["worker"][f"windlass_worker_look{name}_total"] for name in ("s", "_seconds"))
        print(f"{looks:.0f} looks at running jobs, {seconds / looks * 1e6:.0f} us each", flush=True)
        until(
            lambda: samples(figures_at(self.sockets / "scheduler"))["windlass_samples_stored_total"] > 0,
            "the samples of the job are stored",
        )

    def test_promtool_has_no_complaint(self):
        promtool = shutil.which("promtool")
        for name, text in self.all_figures().items():
            samples(text)
            for family in re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE):
                self.assertTrue(family.endswith("_total"), family)
            if promtool:
                done = subprocess.run(
                    [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
                )
                self.assertEqual((name, done.returncode, done.stdout + done.stderr), (name, 0, ""))

    def test_the_dashboard_uses_only_names_that_the_daemons_serve(self):
        served = set()
        for text in self.all_figures().values():
            served |= {key.split("{")[0] for key in samples(text)}
            # A histogram of which nothing was observed yet has no samples.
            for family in re.findall(r"^# TYPE (\S+) histogram$", text, re.MULTILINE):
                served |= {family + part for part in ("_bucket", "_sum", "_count")}
        dashboard = json.loads((SOURCE / "docs/grafana/windlass.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 40)
        used = {name for each in expressions for name in re.findall(r"\b(?:windlass|process)_[a-z0-9_]+", each)}
        self.assertGreater(len(used), 30)
        self.assertEqual(used - served, set())
        places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
        self.assertEqual(len(places), len(set(places)))

    def test_logs_are_objects_in_lines_and_a_trace_is_in_those_of_all_daemons(self):
        answer = self.admin.post(
            "/api/jobs/submit/",
            {"code": "", "data": "", "running_commands": 'printf %s "$TRACEPARENT"'},
            headers={"traceparent": TRACE},
        )
        job = answer.json["id"]
        self.admin.wait(job)
        self.assertEqual(self.admin.result(job)["stdout"], TRACE)

        def traced(daemon):
            lines = []
            for path in self.dev.data.glob(f"log/*{daemon}*.log"):
                lines += [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
            return [line for line in lines if line.get("traceparent") == TRACE and line.get("job_id") == job]

        for daemon in ("api", "scheduler", "worker"):
            lines = until(lambda name=daemon: traced(name), f"{daemon} tells of the trace")
            self.assertTrue(all(line["level"] == "info" and line["program"] == daemon for line in lines), lines)
        self.assertTrue(traced("api")[0]["request_id"])
        self.assertTrue(traced("worker")[0]["attempt"])


if __name__ == "__main__":
    main()
