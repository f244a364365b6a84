"""Following a job over HTTP while daemons are killed: every byte once, in order, whoever broke off."""

import base64
import http.client
import json
import unittest

import harness

LINES = 400
# Prints for some seconds, both streams, in pieces that cut characters.
PROGRAM = f"""i=0
while [ $i -lt {LINES} ]; do
    printf 'line %d \\303' $i
    printf '\\244\\n'
    [ $((i % 10)) -eq 0 ] && printf 'err %d\\n' $i >&2
    i=$((i + 1))
    sleep 0.02
done
"""


class Follower:
    """One who follows a log as an EventSource does: comes back with the last id until the end."""

    def __init__(self, client, job):
        self.client, self.job = client, job
        self.last_id, self.end, self.connections = None, None, 0
        self.heard = {"stdout": b"", "stderr": b""}

    def follow(self, on_event=lambda follower: None):
        while self.end is None:
            try:
                self.once(on_event)
            except (OSError, http.client.HTTPException):
                harness.until(self.is_back, "the server to come back")
        return self

    def is_back(self):
        try:
            return self.client.once("GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def once(self, on_event):
        connection = http.client.HTTPConnection(self.client.host, self.client.port, timeout=60)
        headers = {"Accept": "text/event-stream", "Authorization": "Bearer " + self.client.token}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        connection.request("GET", f"/api/jobs/{self.job}/log/?encoding=base64", headers=headers)
        answer = connection.getresponse()
        if answer.status == 503:
            raise OSError("not yet")
        assert answer.status == 200, answer.status
        self.connections += 1
        event = {}
        while line := answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field:
                event[field] = value
                continue
            self.take(event)
            event = {}
            if self.end is not None:
                return
            on_event(self)
        raise OSError("broke off")

    def take(self, event):
        if "id" in event:
            self.last_id = event["id"]
        data = json.loads(event.get("data", "{}"))
        if event.get("event") == "end":
            self.end = data
        if event.get("event") == "output":
            stream = data["stream"]
            assert data["offset"] == len(self.heard[stream]), (data, len(self.heard[stream]))
            self.heard[stream] += base64.b64decode(data["base64"])


class Following(harness.OnDatabase):
    def expected(self):
        out = b"".join(b"line %d \xc3\xa4\n" % i for i in range(LINES))
        err = b"".join(b"err %d\n" % i for i in range(0, LINES, 10))
        return {"stdout": out, "stderr": err}

    def test_every_byte_arrives_once_while_api_and_scheduler_are_killed(self):
        user = self.new_user("follower")
        job = user.submit(PROGRAM)
        victims = ["api", "scheduler", "api"]

        def kill_now_and_then(follower):
            if victims and len(follower.heard["stdout"]) > (4 - len(victims)) * 700:
                name = victims.pop(0)
                old = self.dev.kill_daemon(name)
                self.dev.wait_restarted(name, old)

        follower = Follower(user, job).follow(kill_now_and_then)
        self.assertEqual(victims, [])
        self.assertGreaterEqual(follower.connections, 2)
        self.assertEqual(follower.heard, self.expected())
        self.assertEqual(follower.end["status"], "succeeded")
        late = Follower(user, job).follow()
        self.assertEqual(late.heard, self.expected())

    def test_events_end_with_the_end(self):
        user = self.new_user("watcher")
        job = user.submit("echo done")
        user.wait(job)
        answer = user.get(f"/api/jobs/{job}/events/", headers={"Accept": "text/event-stream"})
        text = answer.body.decode()
        self.assertIn("event: state\nid: 1\n", text)
        self.assertIn('"status":"succeeded"}\n\n', text[text.index("event: end") :])


class FollowingOnSqlite(Following, unittest.TestCase):
    make_database = harness.Sqlite


class FollowingOnPostgreSQL(Following, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
