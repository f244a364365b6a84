"""One server."""

import hashlib
import os
import re
import urllib.parse
import uuid

from windlass import credentials
from windlass.errors import Refused, WindlassError
from windlass.job import Array, Job
from windlass.transport import Transport

_PIECE_BYTES = 4 << 20


class Site:
    """A server and an account on it. May be used by several threads at once.

    url, token   else WINDLASS_URL and WINDLASS_TOKEN, else what `windlass login` has stored
    patience_s   for how long a server that is away is asked again
    tls          an ssl.SSLContext, for https with certificates of one's own
    """

    def __init__(self, url=None, token=None, *, patience_s=60, tls=None):
        self.url, token = credentials.find(url, token)
        self._transport = Transport(self.url, token, patience_s, tls)
        self.patience_s = patience_s
        self.send = self._transport.send
        self.stream = self._transport.stream

    def __repr__(self):
        return f"Site({self.url!r})"

    # --- submitting

    def submit(self, commands, *, code="", data="", array=None, **fields):
        """A Job, or an Array when `array` is a count or a list of dicts (the environment of each member).

        `fields` are those of docs/api.md, Submitting: name, priority, timeout_s, limits, env, after, files, outputs …
        `after` may hold Jobs. `files` maps a path in the job's directory to text, bytes, or an os.PathLike of a file here,
        which is uploaded first (once, however many jobs use it).
        """
        body = self._body(commands, code, data, fields)
        if array is not None:
            body["array"] = {"count": array} if isinstance(array, int) else [_texts(member) for member in array]
        made = self.make("/api/jobs/submit/", body, "submitting a job")
        return made if array is None else Array(self, made.id)

    def submit_all(self, jobs):
        """Several jobs, all of them or none: each a dict of what submit() takes. Inside, `after` may hold names of others
        of them: [{"name": "prepare", "commands": "…"}, {"commands": "…", "after": ["prepare"]}]. Returns Jobs in order."""
        bodies = []
        for job in jobs:
            fields = dict(job)
            body = self._body(fields.pop("commands"), fields.pop("code", ""), fields.pop("data", ""), fields)
            bodies.append(body)
        answer = self.send(
            "POST",
            "/api/jobs/submit/batch/?all_or_nothing=true",
            bodies,
            {"Idempotency-Key": uuid.uuid4().hex},
            f"submitting {len(bodies)} jobs",
        )
        return [Job(self, made["id"]) for made in answer.json]

    def map(self, commands, parameters, *, check=True, **fields):
        """Runs `commands` once for each dict of `parameters`, which the job sees as environment variables. Waits for all
        of them; the results in the same order. Up to 100,000 at a time."""
        parameters = [_texts(each) for each in parameters]
        if not parameters:
            return []
        return list(self.submit(commands, array=parameters, **fields).results(check=check))

    def make(self, path, body, what):
        answer = self.send("POST", path, body, {"Idempotency-Key": uuid.uuid4().hex}, what)
        return Job(self, answer.json["id"])

    def _body(self, commands, code, data, fields):
        body = {"code": code, "data": data, "running_commands": commands, **fields}
        if "after" in body:
            body["after"] = [_dependency(each) for each in _as_list(body["after"])]
        if "files" in body:
            body["files"] = {path: self._file(content) for path, content in body["files"].items()}
        return body

    def _file(self, content):
        if isinstance(content, (str, dict)):
            return content
        return {"sha256": self.upload(content)}

    # --- files that many jobs use

    def upload(self, content):
        """Bytes, or the path of a file: its SHA-256, under which jobs may name it. What the server has is not sent."""
        if isinstance(content, (bytes, bytearray)):
            return self._upload(hashlib.sha256(content).hexdigest(), len(content), lambda at, n: content[at : at + n])
        with open(os.fspath(content), "rb") as file:
            digest = hashlib.sha256()
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)

            def read(at, count):
                file.seek(at)
                return file.read(count)

            return self._upload(digest.hexdigest(), os.fstat(file.fileno()).st_size, read)

    def _upload(self, sha256, size, read):
        path, what = f"/api/blobs/{sha256}/", f"uploading {sha256[:12]}…"
        while True:
            there = self.send("HEAD", path, what=what, accept=(404,))
            if there.status == 200:
                return sha256
            at = int(there.headers.get("Upload-Offset", 0))
            try:
                while True:
                    piece = read(at, _PIECE_BYTES)
                    headers = {"Content-Type": "application/octet-stream"}
                    if size > _PIECE_BYTES:
                        headers.update({"Upload-Offset": str(at), "Upload-Length": str(size)})
                    answer = self.send("PUT", path, bytes(piece), headers, what)
                    at += len(piece)
                    if answer.status in (200, 201):
                        return sha256
                    if not piece:
                        raise WindlassError(f"{what}: the file became shorter while it was read")
            except Refused as refused:
                # A piece whose answer was lost was sent again: ask where the server is, and go on from there.
                if refused.status != 409:
                    raise

    # --- what is there

    def job(self, id_):
        """The Job with this id; nothing is asked yet."""
        return Job(self, id_)

    def array(self, id_):
        return Array(self, id_)

    def jobs(self, *, status=None, tag=None, queue=None, q=None):
        """One's own jobs (an admin: everybody's), newest first: dicts with id, duration, status."""
        filters = {"status": status, "tag": tag, "queue": queue, "q": q}
        query = "".join(f"&{name}={_quote(value)}" for name, value in filters.items() if value is not None)
        return self.pages(f"/api/jobs/?limit=1000{query}", "the list of jobs")

    def pages(self, path, what):
        """The rows of a list, page by page."""
        while path:
            answer = self.send("GET", path, what=what)
            yield from answer.json
            path = _next_page(answer.headers.get("Link", ""))


def _next_page(link):
    found = re.search(r'<([^>]*)>\s*;\s*rel="?next"?', link)
    return re.sub(r"^https?://[^/]*", "", found[1]) if found else None


def _quote(value):
    return urllib.parse.quote(str(value), safe="")


def _texts(parameters):
    return {str(name): value if isinstance(value, str) else str(value) for name, value in parameters.items()}


def _as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _dependency(each):
    if isinstance(each, Job):
        return {"job": each.id}
    if isinstance(each, str):
        return {"name": each}
    if isinstance(each, dict) and isinstance(each.get("job"), Job):
        return {**each, "job": each["job"].id}
    return each
