"""HTTP to one server: what may be repeated is repeated while the server is away; refusals become exceptions."""

import http.client
import json
import random
import ssl
import threading
import time
import urllib.parse

from windlass.errors import Conflict, Denied, NotFound, Refused, ServerAway, TooMuch

_KINDS = {401: Denied, 403: Denied, 404: NotFound, 409: Conflict}


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


def refusal(answer, what):
    """The exception for an answer that is not 2xx."""
    try:
        problem = answer.json
    except ValueError:
        problem = None
    words = []
    if isinstance(problem, dict):
        words.append(str(problem.get("detail") or problem.get("title") or problem.get("message") or ""))
        for error in problem.get("errors") or []:
            if isinstance(error, dict):
                words.append(f"{error.get('pointer') or 'the request'}: {error.get('detail', '')}")
    text = "; ".join(word for word in words if word) or f"status {answer.status}"
    message = f"{what}: {text}"
    if answer.status == 429:
        after = answer.headers.get("Retry-After", "")
        return TooMuch(answer.status, message, problem, int(after) if after.isdigit() else None)
    return _KINDS.get(answer.status, Refused)(answer.status, message, problem)


class Transport:
    """One connection per thread, opened again when it breaks. Redirects are not followed: a credential must not wander."""

    def __init__(self, url, token, patience_s, tls):
        parts = urllib.parse.urlsplit(url)
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._token = token
        self.patience_s = patience_s
        self._local = threading.local()

    def _connect(self, timeout_s):
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def _headers(self, more, body):
        headers = {"Accept": "application/json", **(more or {})}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return headers

    def once(self, method, path, body=None, headers=None, timeout_s=60):
        """Sends it exactly once. OSError or HTTPException when no whole answer came."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(timeout_s)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        try:
            connection.request(method, self._prefix + path, body=body, headers=self._headers(headers, body))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except BaseException:
            connection.close()
            self._local.connection = None
            raise

    def send(self, method, path, body=None, headers=None, what="the request", timeout_s=60, accept=()):
        """For what may be sent again. 2xx, or one of `accept`, is the answer; anything else is raised."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        deadline = time.monotonic() + self.patience_s
        pause_s = 0.05
        while True:
            said = None
            try:
                answer = self.once(method, path, body, headers, timeout_s)
                if 200 <= answer.status < 300 or answer.status in accept:
                    return answer
                if answer.status not in (502, 503, 504):
                    raise refusal(answer, what)
                said = refusal(answer, what)
            except (OSError, http.client.HTTPException) as error:
                said = error
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise ServerAway(f"{what}: no answer within {self.patience_s} s ({said})") from said
            # Many clients of one server must not all come back at the same moment.
            time.sleep(min(left_s, pause_s * random.uniform(0.5, 1)))
            pause_s = min(pause_s * 2, 2)

    def stream(self, path, headers=None, what="the request", timeout_s=60):
        """(status, lines) of an answer that goes on, on a connection of its own. 204: nothing more will come."""
        connection = self._connect(timeout_s)
        try:
            connection.request("GET", self._prefix + path, headers=self._headers(headers, None))
            response = connection.getresponse()
            if response.status not in (200, 204):
                raise refusal(Answer(response.status, response.headers, response.read()), what)
        except BaseException:
            connection.close()
            raise
        return connection, response
