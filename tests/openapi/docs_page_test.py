"""/api/docs/ in a real browser: it shows the operations, its strict Content-Security-Policy is not violated, and it asks
nothing of another host. Needs Debian's chromium; skipped without it. WINDLASS_SCREENSHOT=file.png keeps a picture."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

API = os.environ.get("WINDLASS_API", "build/release/bin/windlass-api")
PATIENCE = 120


class Api:
    """windlass-api alone: the page needs neither a scheduler nor a worker."""

    def __init__(self, directory):
        command = [API, "--api-listen", "127.0.0.1:0", "--database-url", f"sqlite:{directory}/windlass.db",
                   "--scheduler-dial", f"unix:{directory}/none.sock", "--api-credentials-directory", str(directory)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("WINDLASS_")}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, env=clean)
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"listening on (http://\S+)", line):
                self.url = found[1]
                break
        else:
            raise AssertionError("windlass-api did not start:\n" + "".join(said))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


def chromium():
    program = shutil.which("chromium")
    if program is None:
        raise unittest.SkipTest("chromium is not installed: apt-get install chromium")
    return program


class DocsPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = chromium()
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="windlass-docs-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.api = Api(cls.directory)
        cls.addClassCleanup(cls.api.stop)
        with urllib.request.urlopen(cls.api.url + "/api/docs/") as page:
            cls.interactive = b"<script" in page.read()

    def browse(self, path, *arguments):
        """Standard output, the messages of the page's console, and the addresses that the page asked for."""
        log = self.directory / "net.json"
        command = [self.program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update",
                   "--disable-extensions", f"--user-data-dir={self.directory}/profile", "--window-size=1300,1500",
                   "--enable-logging=stderr", "--virtual-time-budget=30000", f"--log-net-log={log}", *arguments,
                   self.api.url + path]
        environment = {**os.environ, "HOME": str(self.directory)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment)
        console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        asked = set()
        events = json.loads(log.read_text())["events"]
        for event in events:
            about = event.get("params", {})
            if about.get("initiator", "").startswith(self.api.url) and "url" in about:
                asked.add(about["url"])
        return done.stdout, console, asked

    def test_shows_the_operations_by_itself_alone(self):
        # The page makes only what is in sight, so the window has room for all of it.
        dom, console, asked = self.browse("/api/docs/", "--dump-dom", "--window-size=1300,20000")
        with urllib.request.urlopen(self.api.url + "/api/schema/?format=json") as answer:
            paths = json.load(answer)["paths"]
        shown = dom.replace("\u200b", "").replace("<wbr>", "")
        for path, item in paths.items():
            self.assertIn(path, shown)
            if self.interactive:
                for operation in item.values():
                    self.assertIn(f"-{operation['operationId']}\"", shown)
        self.assertEqual(console, [])
        own = urllib.parse.urlsplit(self.api.url)
        for url in asked:
            if not url.startswith("data:"):
                self.assertEqual(urllib.parse.urlsplit(url).netloc, own.netloc, url)
        if self.interactive:
            self.assertTrue(any("/api/schema/" in url for url in asked), asked)

    def test_looks_like_something(self):
        picture = pathlib.Path(os.environ.get("WINDLASS_SCREENSHOT", self.directory / "page.png"))
        self.browse("/api/docs/", f"--screenshot={picture}")
        self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"))
        self.assertGreater(picture.stat().st_size, 20_000)  # an empty page is a fraction of it


if __name__ == "__main__":
    unittest.main()
