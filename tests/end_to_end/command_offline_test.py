"""The `windlass` command against a server that answers in ways a real one seldom does, and without any."""

import http.server
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

import harness


class ShortPages(http.server.BaseHTTPRequestHandler):
    """A list of jobs in pages that are short, and one that is empty, each linked to the next; reruns get ids of their own."""

    protocol_version = "HTTP/1.1"
    pages = [["900"], [], ["800", "700"], ["600"]]

    def answer(self, value, **headers):
        body = json.dumps(value).encode()
        self.send_response(200)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        page = int(self.path.partition("page=")[2] or 0)
        rows = [{"id": id, "status": "failed", "duration": 1.5} for id in self.pages[page]]
        more = {"Link": f'</api/jobs/?limit=1000&page={page + 1}>; rel="next"'} if page + 1 < len(self.pages) else {}
        self.answer(rows, **more)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        self.answer({"id": str(int(self.path.split("/")[3]) + 1)})

    def log_message(self, *_):
        pass


class CommandOffline(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="windlass-offline-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ShortPages)
        server.daemon_threads = True
        server.asked = self.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def windlass(self, *words, code=0, **variables):
        done = subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            env={"HOME": self.home, "PATH": "/usr/bin:/bin", "WINDLASS_URL": self.url, "WINDLASS_TOKEN": "x", **variables},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.PATIENCE, check=False,
        )
        self.assertEqual(done.returncode, code, done)
        return done

    def test_a_filter_finds_its_jobs_on_all_pages(self):
        done = self.windlass("job", "rerun", "--state", "failed")
        self.assertEqual(self.asked, [f"/api/jobs/{id}/rerun/" for id in (900, 800, 700, 600)])
        self.assertEqual(done.stdout.split(), ["901", "801", "701", "601"])

    def test_a_list_goes_on_over_short_pages_up_to_its_limit(self):
        self.assertEqual(self.windlass("-q", "job", "list").stdout.split(), ["900", "800", "700", "600"])
        self.assertEqual(self.windlass("-q", "job", "list", "--limit", "2").stdout.split(), ["900", "800"])
        listed = json.loads(self.windlass("--json", "job", "list", "--limit", "3").stdout)
        self.assertEqual([row["id"] for row in listed], ["900", "800", "700"])

    def test_json_has_a_version_and_says_failures_as_well(self):
        self.assertEqual(len(json.loads(self.windlass("job", "list", "--json=1").stdout)), 4)
        self.assertIn("--json", self.windlass("job", "list", "--json=2", code=2).stderr)
        self.assertEqual(len(json.loads(self.windlass("job", "list", WINDLASS_OUTPUT="json").stdout)), 4)
        self.assertEqual(self.windlass("job", "list", "--limit", "1", WINDLASS_OUTPUT="quiet").stdout, "900\n")
        self.assertIn("WINDLASS_OUTPUT", self.windlass("job", "list", code=2, WINDLASS_OUTPUT="xml").stderr)
        failed = self.windlass("--json", "job", "list", code=3, WINDLASS_URL="http://127.0.0.1:1")
        self.assertEqual(json.loads(failed.stdout)["error"]["exit_code"], 3)
        self.assertIn(json.loads(failed.stdout)["error"]["message"], failed.stderr)
        self.assertEqual(self.windlass("job", "list", code=3, WINDLASS_URL="http://127.0.0.1:1").stdout, "")

    def test_the_help_and_the_manual_say_every_exit_code(self):
        for words in (["--help"], ["man"], ["man", "run"], ["man", "--markdown"]):
            text = self.windlass(*words).stdout
            for code in ("0", "1", "2", "3", "4", "5", "124", "125", "128 + n"):
                self.assertRegex(text, rf"(?m)^\W*{code.replace('+', '[+]')}\b", words)


if __name__ == "__main__":
    harness.main()
