"""WebSockets with a client that is not ours (Debian's python3-websockets), over real daemons."""

import asyncio
import json
import unittest

import websockets

import harness

LINES = 120
PROGRAM = f"""i=0
while [ $i -lt {LINES} ]; do
    echo "line $i"
    [ $((i % 10)) -eq 0 ] && echo "err $i" >&2
    i=$((i + 1))
    sleep 0.02
done
"""


class LiveClient:
    """One who follows a job and, when cut off, comes back with the last positions until the end."""

    def __init__(self, client, job):
        self.client, self.job = client, job
        self.positions = {}
        self.events, self.end, self.connections = [], None, 0
        self.heard = {"stdout": "", "stderr": ""}

    def url(self):
        query = "&".join(f"{kind}_after={position}" for kind, position in self.positions.items())
        return f"ws://{self.client.host}:{self.client.port}/api/jobs/{self.job}/live/" + (query and "?" + query)

    async def follow(self, on_message=lambda: None):
        while self.end is None:
            try:
                headers = {"Authorization": "Bearer " + self.client.token}
                async with websockets.connect(self.url(), extra_headers=headers, ping_interval=0.2) as socket:
                    self.connections += 1
                    async for message in socket:
                        self.take(json.loads(message))
                        on_message()
                    return socket.close_code, socket.close_reason
            except (OSError, EOFError, websockets.exceptions.WebSocketException):
                await asyncio.sleep(0.05)  # a break before knocking again, nothing is decided by it

    def take(self, message):
        kind = message.pop("type")
        if kind == "end":
            self.end = message
            return
        self.positions[{"event": "events", "log": "log"}[kind]] = message["position"]
        if kind == "event":
            self.events.append(message)
            return
        stream = message["stream"]
        assert message["offset"] == len(self.heard[stream]), (message, len(self.heard[stream]))
        self.heard[stream] += message["text"]


class WebSocket(harness.OnDatabase):
    def assert_complete(self, live):
        self.assertEqual(live.heard["stdout"], "".join(f"line {i}\n" for i in range(LINES)))
        self.assertEqual(live.heard["stderr"], "".join(f"err {i}\n" for i in range(0, LINES, 10)))
        self.assertEqual([event["seq"] for event in live.events], list(range(1, len(live.events) + 1)))
        self.assertEqual(live.end["id"], live.job)
        self.assertEqual(live.end["status"], "succeeded")

    def test_tells_all_of_a_job_while_it_runs(self):
        user = self.new_user("live")
        live = LiveClient(user, user.submit(PROGRAM))
        closed = asyncio.run(live.follow())
        self.assertEqual(closed, (1000, "the job has ended"))
        self.assertEqual(live.connections, 1)
        self.assert_complete(live)

    def test_every_byte_arrives_once_while_the_api_is_killed(self):
        user = self.new_user("live")
        live = LiveClient(user, user.submit(PROGRAM))
        kills = [40, 80]

        def on_message():
            if kills and f"line {kills[0]}\n" in live.heard["stdout"]:
                kills.pop(0)
                self.dev.kill_daemon("api")

        asyncio.run(live.follow(on_message))
        self.assertEqual(kills, [])
        self.assertGreater(live.connections, 1)
        self.assert_complete(live)

    def test_is_refused_before_the_upgrade(self):
        user, other = self.new_user("live"), self.new_user("other")
        job = user.submit("/bin/true")
        path = f"/api/jobs/{job}/live/"
        url = f"ws://{user.host}:{user.port}{path}"

        async def status(**headers):
            try:
                async with websockets.connect(url, extra_headers=headers) as socket:
                    await socket.wait_closed()
                    return 101
            except websockets.exceptions.InvalidStatusCode as refused:
                return refused.status_code

        bearer = "Bearer " + user.token
        self.assertEqual(asyncio.run(status()), 401)
        self.assertEqual(asyncio.run(status(Authorization="Bearer " + other.token)), 404)
        self.assertEqual(asyncio.run(status(Authorization=bearer, Origin="https://evil.example")), 403)
        self.assertEqual(asyncio.run(status(Cookie="access_token=" + user.token)), 403)
        own = f"http://{user.host}:{user.port}"
        self.assertEqual(asyncio.run(status(Cookie="access_token=" + user.token, Origin=own)), 101)
        self.assertEqual(asyncio.run(status(Authorization=bearer)), 101)
        plain = user.get(path)
        self.assertEqual(plain.status, 426)
        self.assertEqual(plain.headers["Sec-WebSocket-Version"], "13")

    def test_a_client_with_something_to_say_is_told_that_nobody_listens(self):
        user = self.new_user("live")
        job = user.submit("sleep 60")

        async def speak(*message):
            live = LiveClient(user, job)
            headers = {"Authorization": "Bearer " + user.token}
            async with websockets.connect(live.url(), extra_headers=headers) as socket:
                await (await socket.ping())
                await socket.send(list(message) if len(message) > 1 else message[0])
                await socket.wait_closed()
                return socket.close_code

        self.assertEqual(asyncio.run(speak("hello")), 1003)
        self.assertEqual(asyncio.run(speak(b"\x00\xff")), 1003)
        self.assertEqual(asyncio.run(speak("in ", "frag", "ments")), 1003)
        self.assertEqual(asyncio.run(speak("x" * 70_000)), 1009)
        self.assertEqual(user.ask("DELETE", f"/api/jobs/{job}/").status, 202)


class WebSocketOnSqlite(WebSocket, unittest.TestCase):
    make_database = harness.Sqlite


if __name__ == "__main__":
    harness.main()
