"""What a job left."""

import urllib.parse


class LeftFile:
    """A file that the job left in out/ (or beside it, by `outputs`)."""

    def __init__(self, site, job, described):
        self._site, self._job = site, job
        self.path = described["path"]
        self.size = described["size"]
        self.sha256 = described["sha256"]
        self.stored = described.get("stored", True)  # False: too large to keep

    def read(self):
        """Its bytes."""
        path = f"/api/results/{self._job}/files/{urllib.parse.quote(self.path)}"
        return self._site.send("GET", path, what=f"{self.path} of job {self._job}", headers={"Accept": "*/*"}).body

    def __repr__(self):
        return f"LeftFile({self.path!r}, {self.size} bytes)"


class Result:
    """`outcome`, `exit_code` or `signal`, `stdout`, `stderr`, `usage`, `files`, `value`: as in docs/api.md, Results."""

    def __init__(self, site, described):
        found = described["results"]
        self.job_id = described["id"]
        self.duration_s = float(described["duration"]) if described.get("duration") else None
        self.outcome = found.get("outcome")
        self.exit_code = found.get("exit_code")
        self.signal = found.get("signal")
        self.stdout = found.get("stdout", "")
        self.stderr = found.get("stderr", "")
        self.truncated = bool(found.get("stdout_truncated") or found.get("stderr_truncated"))
        self.detail = found.get("detail", "")
        self.usage = found.get("usage", {})
        self.value = found.get("value")
        self.files = {file["path"]: LeftFile(site, self.job_id, file) for file in found.get("files", [])}
        self.raw = found

    @property
    def succeeded(self):
        return self.outcome == "exited" and self.exit_code == 0

    def __repr__(self):
        how = f"exit_code={self.exit_code}" if self.exit_code is not None else f"outcome={self.outcome!r}"
        return f"Result(job_id={self.job_id!r}, {how})"
