"""One job, and an array of them."""

import base64
import codecs
import http.client
import json
import time

from windlass.errors import JobDidNotSucceed, ServerAway, WindlassError
from windlass.events import read_events
from windlass.result import Result

FINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out", "lost"})


class Job:
    """A job on the server, by its id. Nothing of its state is kept here: each question asks the server."""

    def __init__(self, site, id_):
        self._site = site
        self.id = str(id_)
        if not self.id.isdigit():
            raise WindlassError(f"{self.id!r} is no id of a job")

    def __repr__(self):
        return f"Job({self.id!r})"

    def __eq__(self, other):
        return isinstance(other, Job) and self.id == other.id

    def __hash__(self):
        return hash(self.id)

    def _get(self, path, **more):
        return self._site.send("GET", f"/api/jobs/{self.id}/{path}", what=f"job {self.id}", **more)

    def show(self):
        """All that the server says about it, as a dict."""
        return self._get("").json

    @property
    def status(self):
        return self.show()["status"]

    def why(self):
        """A sentence: what it waits for."""
        return self._get("why/").json["text"]

    def events(self):
        """What has happened to it, oldest first."""
        return self._get("events/").json

    def wait(self, timeout_s=None):
        """Its final status. TimeoutError after `timeout_s`; the job goes on."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = 30 if deadline is None else max(0, min(30, deadline - time.monotonic()))
            status = self._get(f"?wait={left_s:.3f}", timeout_s=left_s + 30).json["status"]
            if status in FINAL:
                return status
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"job {self.id} has not ended within {timeout_s} s; it is {status}")

    def result(self, timeout_s=None, check=True):
        """Waits, and returns what it left. Raises JobDidNotSucceed unless it succeeded or `check` is false."""
        status = self.wait(timeout_s)
        answer = self._site.send("GET", f"/api/results/{self.id}/", what=f"the result of job {self.id}")
        result = Result(self._site, answer.json)
        if check and status != "succeeded":
            raise JobDidNotSucceed(self, status, result)
        return result

    def cancel(self, reason=None):
        """Asks for its end; wait() says when it has come. Nothing happens to a job that has ended."""
        body = {"reason": reason} if reason else None
        self._site.send("DELETE", f"/api/jobs/{self.id}/", body, what=f"cancelling job {self.id}")

    def rerun(self, **changes):
        """A new job like this one, with these fields of a submit replaced."""
        return self._site.make(f"/api/jobs/{self.id}/rerun/", changes, f"rerunning job {self.id}")

    def follow(self, stream=None):
        """What it prints, as it comes, until it has ended: pieces (stream, text). Goes on by itself, with no byte lost
        or told twice, when the connection breaks or the server starts anew. A new attempt of the job begins anew."""
        decoders = {}
        for output in self._events_of("log/?encoding=base64" + (f"&stream={stream}" if stream else "")):
            which = output["stream"]
            if output["offset"] == 0 or which not in decoders:
                decoders[which] = codecs.getincrementaldecoder("utf-8")("replace")
            text = decoders[which].decode(base64.b64decode(output["base64"]))
            if text:
                yield which, text
        for which, decoder in decoders.items():
            if rest := decoder.decode(b"", final=True):
                yield which, rest

    def _events_of(self, path):
        last_id, heard = "", time.monotonic()
        while True:
            headers = {"Accept": "text/event-stream"}
            if last_id:
                headers["Last-Event-ID"] = last_id
            reason = "the server ended the answer before the job had ended"
            try:
                connection, response = self._site.stream(f"/api/jobs/{self.id}/{path}", headers, f"job {self.id}")
                try:
                    if response.status == 204:
                        return
                    for event in read_events(_lines(response), last_id):
                        heard, last_id = time.monotonic(), event.id
                        if event.kind == "end":
                            return
                        if event.kind == "output":
                            yield json.loads(event.data)
                finally:
                    connection.close()
            except (OSError, http.client.HTTPException) as error:
                reason = error
            if time.monotonic() - heard > self._site.patience_s:
                raise ServerAway(f"following job {self.id}: {reason}")
            time.sleep(0.2)


def _lines(response):
    while line := response.readline():
        yield line


class Array(Job):
    """Many members submitted as one."""

    def __repr__(self):
        return f"Array({self.id!r})"

    def counts(self):
        """Members by state."""
        return self.show()["array"]

    def members(self, status=None):
        """Its members, oldest first, as Jobs."""
        path = f"/api/jobs/{self.id}/members/?limit=1000" + (f"&status={status}" if status else "")
        for row in self._site.pages(path, f"the members of {self.id}"):
            yield Job(self._site, row["id"])

    def results(self, timeout_s=None, check=True):
        """Waits for all of them; the result of each, in the order of the members."""
        self.wait(timeout_s)
        for member in self.members():
            yield member.result(check=check)

    def rerun_failed(self):
        """A new array of the members that did not succeed."""
        made = self._site.make(f"/api/jobs/{self.id}/rerun/", {"only": "failed"}, f"rerunning {self.id}")
        return Array(self._site, made.id)
