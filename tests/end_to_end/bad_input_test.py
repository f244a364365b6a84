"""What strangers send, over the real wire: a clear refusal, and nothing changed."""

import json
import socket
import unittest

import harness

GOOD = {"code": "", "data": "", "running_commands": "true"}
NUL = '{"code": "a\\u0000b", "data": "", "running_commands": "true"}'

# name, body, status, word that the answer must contain
BODIES = [
    ("truncated JSON", '{"code": "", "data": "', 400, ""),
    ("nothing", "", 400, ""),
    ("an array", "[]", 400, ""),
    ("a million brackets", "[" * 1_000_000, 400, ""),
    ("deeply nested inside a field", '{"code": ' + '{"a":' * 5000 + "1" + "}" * 5000 + "}", 400, ""),
    ("a NUL character", NUL, 400, ""),
    ("a NUL byte", b'{"code": "a\x00b", "data": "", "running_commands": "true"}', 400, ""),
    ("bytes that are no UTF-8", b'{"code": "\xff\xfe", "data": "", "running_commands": "true"}', 400, ""),
    ("half of a surrogate pair", '{"code": "\\ud800", "data": "", "running_commands": "true"}', 400, ""),
    ("a key twice", '{"code": "", "code": "", "data": "", "running_commands": "true"}', 400, "code"),
    ("an unknown key", json.dumps({**GOOD, "colour": 1}), 400, "colour"),
    ("an image that no worker ever had", json.dumps({**GOOD, "image": "python"}), 422, "image"),
    ("a missing field", '{"code": "", "data": ""}', 400, "running_commands"),
    ("a number for a string", json.dumps({**GOOD, "data": 7}), 400, "data"),
    ("null for a string", json.dumps({**GOOD, "code": None}), 400, "code"),
    ("a priority beyond the range", json.dumps({**GOOD, "priority": 101}), 400, "priority"),
    ("a fraction as priority", json.dumps({**GOOD, "priority": 0.5}), 400, "priority"),
    ("a negative time limit", json.dumps({**GOOD, "timeout_s": -1}), 400, "timeout_s"),
    ("a huge number", '{"code": "", "data": "", "running_commands": "true", "timeout_s": 1e999}', 400, ""),
    (
        "a number beyond 64 bits",
        '{"code": "", "data": "", "running_commands": "true", "max_attempts": 99999999999999999999}',
        400,
        "max_attempts",
    ),
    ("more memory than allowed", json.dumps({**GOOD, "limits": {"memory_bytes": 1 << 50}}), 422, "memory_bytes"),
    ("an unknown limit", json.dumps({**GOOD, "limits": {"wheels": 4}}), 400, "wheels"),
    ("an environment name with =", json.dumps({**GOOD, "env": {"A=B": "c"}}), 400, "env"),
    ("something behind the object", json.dumps(GOOD) + "x", 400, ""),
]


def raw(url_client, data, patience=30):
    """Sends bytes, reads until the server closes or has answered; the first status line."""
    with socket.create_connection((url_client.host, url_client.port), timeout=patience) as connection:
        connection.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(65536)
            if not part:
                break
            answer += part
    return answer


class BadInput(harness.OnDatabase):
    def setUp(self):
        self.user = self.new_user("bad")

    def assert_problem(self, answer, status, name):
        self.assertEqual(answer.status, status, f"{name}: {answer}")
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json", name)
        self.assertTrue(answer.json["detail"], name)

    def test_bodies_that_are_wrong_are_refused_and_make_no_job(self):
        for name, body, status, word in BODIES:
            with self.subTest(name):
                answer = self.user.post("/api/jobs/submit/", body, headers={"Content-Type": "application/json"})
                self.assert_problem(answer, status, name)
                self.assertIn(word, answer.body.decode(), name)
        self.assertEqual(self.user.get("/api/jobs/").json, [])

    def test_a_body_over_the_limit_is_refused_before_it_is_read(self):
        head = f"POST /api/jobs/submit/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.user.token}\r\nContent-Length: {1 << 40}\r\n\r\n"
        self.assertIn(b" 413 ", raw(self.user, head.encode()).split(b"\r\n")[0])

    def test_requests_that_are_ambiguous_or_malformed_are_refused(self):
        host = b"Host: x\r\n"
        cases = {
            "two lengths": (
                b"POST /api/jobs/submit/ HTTP/1.1\r\n" + host + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                (400,),
            ),
            "length and chunks": (
                b"POST /api/jobs/submit/ HTTP/1.1\r\n"
                + host
                + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                (400, 411),
            ),
            "a negative length": (
                b"POST /api/jobs/submit/ HTTP/1.1\r\n" + host + b"Content-Length: -2\r\n\r\n",
                (400,),
            ),
            "no request at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,)),
            "a blank before the colon": (b"GET /healthz HTTP/1.1\r\n" + host + b"X : y\r\n\r\n", (400,)),
            "a head without end": (
                b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
                (431, 400),
            ),
            "a target without end": (b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\n" + host + b"\r\n", (414, 431)),
            "compressed": (
                b"POST /api/jobs/submit/ HTTP/1.1\r\n"
                + host
                + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
                (415,),
            ),
        }
        for name, (data, statuses) in cases.items():
            with self.subTest(name):
                line = raw(self.user, data).split(b"\r\n")[0].decode(errors="replace")
                self.assertIn(line.split(" ")[1:2], [[str(status)] for status in statuses], f"{name}: {line!r}")
        self.assertEqual(self.user.get("/api/jobs/").json, [])

    def test_a_reset_in_the_middle_of_a_body_makes_no_job(self):
        body = json.dumps(GOOD).encode()
        head = f"POST /api/jobs/submit/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.user.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((self.user.host, self.user.port), timeout=30) as connection:
            connection.sendall(head.encode() + body[:-1])
        self.assertEqual(self.user.get("/api/jobs/").json, [])

    def test_unknown_and_foreign_ids_look_the_same(self):
        job = self.new_user("owner").submit("true")
        for method, path in (
            ("GET", "/api/jobs/{}/"),
            ("GET", "/api/results/{}/"),
            ("DELETE", "/api/jobs/{}/"),
            ("GET", "/api/jobs/{}/log/"),
        ):
            foreign = self.user.ask(method, path.format(job))
            for other in ("999999999", "0", "-1", "abc", "9" * 30, "1%2F2", "1%202"):
                unknown = self.user.ask(method, path.format(other))
                self.assertEqual((foreign.status, unknown.status), (404, 404), f"{method} {path} {other}: {unknown}")
                self.assertEqual(set(foreign.json), set(unknown.json))

    def test_wrong_credentials_are_refused_everywhere(self):
        for token in ("x", "Bearer", "a" * 4000, "../../etc/passwd", "' or 1=1 --"):
            stranger = harness.Client(self.dev.url, token)
            for path in ("/api/jobs/", "/api/results/", "/api/users/", "/api/jobs/getqueue/"):
                answer = stranger.get(path)
                self.assert_problem(answer, 401, f"{token[:20]} {path}")
        self.assertEqual(harness.Client(self.dev.url).post("/api/jobs/submit/", GOOD).status, 401)

    def test_wrong_questions_in_lists_are_refused(self):
        for query in (
            "limit=-1",
            "limit=x",
            "limit=0",
            "limit=99999999999999999999",
            "after=x",
            "status=sleeping",
            "colour=blue",
            "wait=1",
        ):
            self.assert_problem(self.user.get("/api/jobs/?" + query), 400, query)
        for query in ("wait=-1", "wait=x", "wait=1e9", "wait=nan", "colour=blue"):
            job = self.user.submit("true")
            self.assert_problem(self.user.get(f"/api/jobs/{job}/?{query}"), 400, query)


class BadInputOnSqlite(BadInput, unittest.TestCase):
    make_database = harness.Sqlite


if __name__ == "__main__":
    harness.main()
