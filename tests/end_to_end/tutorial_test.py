"""docs/tutorial.md, followed by a reader who does just what it says: `windlass dev`, then the daemons by hand."""

import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import harness


class Tutorial(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="windlass-tutorial-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        text = (harness.SOURCE / "docs" / "tutorial.md").read_text()
        # Other tests and people may use the ports of the text; nothing else is changed.
        self.blocks = re.findall(r"^```sh ([a-z]+)(?:=([^\n]*))?\n(.*?)^```", text, re.M | re.S)
        self.assertEqual(len(re.findall(r"^```", text, re.M)), 2 * len(self.blocks), "every block says what it is")
        self.environment = {"HOME": self.home, "PATH": f"{harness.BIN}:/usr/sbin:/usr/bin:/sbin:/bin"}
        if harness.weaker():
            self.environment["WINDLASS_WORKER_ALLOW_WEAKER"] = harness.weaker()

    def sessions(self, name, replacements):
        script = "".join(body for kind, which, body in self.blocks if (kind, which) == ("session", name))
        self.assertTrue(script)
        for text, other in replacements.items():
            self.assertIn(text, script)
            script = script.replace(text, other)
        return script

    def follow(self, script):
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=150, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_server_for_yourself_does_what_the_text_says(self):
        data = pathlib.Path(self.home) / ".local/share/windlass"
        data.parent.mkdir(parents=True)
        dev = harness.Dev(data, environment=self.environment)
        self.addCleanup(dev.stop)
        dev.wait_ready()
        said = self.follow(self.sessions("dev", {"http://127.0.0.1:8080": dev.url}))
        for words in ("hello from", "apples 7", "pears 5", "29", "No connected worker", "succeeded", "nightly"):
            self.assertIn(words, said)

    def start(self, command, until):
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {command.strip()}"], cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
        self.addCleanup(self.stop, process)
        said = ""
        deadline = time.monotonic() + harness.PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(process.stderr, selectors.EVENT_READ)
            while until not in said:
                self.assertTrue(selector.select(max(0, deadline - time.monotonic())), f"{command} never said {until}: {said}")
                piece = os.read(process.stderr.fileno(), 65536).decode(errors="replace")
                self.assertTrue(piece, f"{command} ended: {said}")
                said += piece
        return said

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=harness.PATIENCE)

    def test_a_site_with_two_workers_does_what_the_text_says(self):
        settings = "".join(body for kind, _, body in self.blocks if kind == "settings")
        script = settings.replace("127.0.0.1:8081", "127.0.0.1:0") + "env -0"
        done = subprocess.run(["bash", "-e", "-c", script], env=self.environment, capture_output=True, text=True, check=True)
        for line in done.stdout.split("\0"):
            name, _, value = line.partition("=")
            if name.startswith("WINDLASS_"):
                self.environment[name] = value
        address = ""
        for kind, until, command in self.blocks:
            if kind == "daemon":
                command = re.sub(r"\\\n", " ", command)
                found = re.search(r"listening on (http://\S+)", self.start(command, until))
                address = found[1] if found else address
        said = self.follow(self.sessions("site", {"http://127.0.0.1:8081": address}))
        for words in ("left", "right", "on the left", "on the right", "bob@example.org"):
            self.assertIn(words, said)


if __name__ == "__main__":
    harness.main()
