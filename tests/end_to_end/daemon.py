"""One daemon of a site that is put together by hand, with its log."""

import os
import pathlib
import re
import signal
import subprocess

import harness


class Daemon:
    def __init__(self, name, program, directory, environment):
        self.name, self.program, self.environment = name, program, environment
        self.log = pathlib.Path(directory) / f"{name}.log"
        self.process, self.seen = None, 0

    def start(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WINDLASS_")}
        with open(self.log, "ab") as log:
            self.seen = log.tell()
            self.process = subprocess.Popen(
                [str(harness.BIN / f"windlass-{self.program}")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**clean, **self.environment},
            )
        return self

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def said(self, pattern):
        """What it said in this life."""
        with open(self.log, "rb") as log:
            log.seek(self.seen)
            return re.search(pattern, log.read().decode(errors="replace"))

    def wait_said(self, pattern):
        def look():
            ended = self.process.poll()  # before the log is read, which may hold its last words
            found = self.said(pattern)
            if ended is not None and not found:
                raise AssertionError(f"{self.name} ended with {ended}:\n{self.tail(3000)}")
            return found

        return harness.until(look, f"{self.name} says {pattern!r}")

    def tail(self, size=2500):
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        if not self.runs():
            return
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(harness.PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
