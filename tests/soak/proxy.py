"""The network between the daemons, as a program that lies between their sockets: cuts, swallows, delays, repeats.

One process, one thread. Orders come as lines of JSON on standard input, each is answered by one line of JSON:

    {"do": "open", "link": NAME, "listen": PATH, "connect": PATH, "speaks": "wire" or "postgres"}
    {"do": "set", "link": NAME, "fault": {}}            the link is well; connections that lost bytes are cut
    {"do": "cut", "link": NAME}                         all connections of it, once
    {"do": "count", "link": NAME}                       how often faults struck: {"struck": N}

A fault is an object with any of
    "refuse": true             connections are cut, new ones too
    "swallow": ["up", "down"]  bytes towards the server ("up") or the client vanish; the connection stays
    "delay_ms": [LEAST, MOST]  each piece of bytes waits so long; order is kept
    "cut_each": [LEAST, MOST]  a connection breaks off after so many bytes, in the middle of whatever that is
    "repeat": {"TYPE": N}      the next N frames of this type are sent twice (wire)
    "lose_commit": N           the next N answers to a COMMIT are lost, with their connection (postgres)
Chance comes from the seed in the command line; what bytes it meets is the daemons' doing.
"""

import collections
import json
import os
import random
import selectors
import socket
import struct
import sys
import time

PIECE = 1 << 16
MOST_HELD = 8 << 20  # a reader that is slow slows its writer, as a real network does


class Wire:
    """Finds the frames of Windlass's wire: u32 header size, u32 body size, header in JSON, body."""

    def __init__(self, link, up):
        self.link, self.buffer = link, bytearray()

    def feed(self, data):
        """Returns the bytes to go on with, and whether the connection ends with them."""
        self.buffer += data
        out = bytearray()
        while len(self.buffer) >= 8:
            header, body = struct.unpack_from("<II", self.buffer)
            if len(self.buffer) < 8 + header + body:
                break
            frame = bytes(self.buffer[: 8 + header + body])
            del self.buffer[: 8 + header + body]
            out += frame
            repeat = self.link.fault.get("repeat")
            if repeat:
                kind = json.loads(frame[8 : 8 + header]).get("type")
                if repeat.get(kind, 0) > 0:
                    repeat[kind] -= 1
                    self.link.struck += 1
                    out += frame
        return bytes(out), False


class Postgres:
    """Finds the answers to COMMIT in what a PostgreSQL server says: u8 type, u32 size (its own four bytes included)."""

    def __init__(self, link, up):
        self.link, self.up, self.buffer = link, up, bytearray()

    def feed(self, data):
        if self.up:
            return data, False
        self.buffer += data
        out = bytearray()
        while len(self.buffer) >= 5:
            size = 1 + struct.unpack_from(">I", self.buffer, 1)[0]
            if len(self.buffer) < size:
                break
            message = bytes(self.buffer[:size])
            del self.buffer[:size]
            if message[:1] == b"C" and message[5:] == b"COMMIT\0" and self.link.fault.get("lose_commit", 0) > 0:
                self.link.fault["lose_commit"] -= 1
                self.link.struck += 1
                return bytes(out), True
            out += message
        return bytes(out), False


class Direction:
    """What one side says to the other."""

    def __init__(self, pair, source, target, up):
        self.pair, self.source, self.target, self.up = pair, source, target, up
        self.parser = {"wire": Wire, "postgres": Postgres}[pair.link.speaks](pair.link, up)
        self.waiting = collections.deque()  # (when it may go on, bytes); None for bytes: the end
        self.held = 0
        self.ended = False

    def heard(self, data):
        fault = self.pair.link.fault
        if not data:
            self.ended = True
            self.waiting.append((self.due(), None))
            return
        if ("up" if self.up else "down") in fault.get("swallow", ()):
            self.pair.lost = True
            self.pair.link.struck += 1
            return
        data, end = self.parser.feed(data)
        if data:
            self.waiting.append((self.due(), data))
            self.held += len(data)
        if end:
            self.ended = True
            self.waiting.append((self.due(), None))

    def due(self):
        delay = self.pair.link.fault.get("delay_ms")
        now = time.monotonic()
        if delay:
            self.pair.link.struck += 1
            now += self.pair.link.random.uniform(*delay) / 1000
        return max(now, self.waiting[-1][0]) if self.waiting else now

    def write(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            due, data = self.waiting[0]
            if data is None:
                self.pair.close()
                return
            allowed = self.pair.allowed
            try:
                sent = self.target.send(data if allowed is None else data[:allowed])
            except BlockingIOError:
                return
            except OSError:
                self.pair.close()
                return
            self.held -= sent
            if allowed is not None:
                self.pair.allowed -= sent
                if self.pair.allowed <= 0:
                    self.pair.link.struck += 1
                    self.pair.close()
                    return
            if sent < len(data):
                self.waiting[0] = (due, data[sent:])
                return
            self.waiting.popleft()


class Pair:
    """One connection through a link."""

    def __init__(self, link, client, server):
        self.link, self.client, self.server = link, client, server
        self.lost = False  # bytes of it have vanished: it can never be whole again
        self.closed = False
        cut = link.fault.get("cut_each")
        self.allowed = link.random.randint(*cut) if cut else None
        self.directions = [Direction(self, client, server, True), Direction(self, server, client, False)]
        for one in (client, server):
            one.setblocking(False)

    def close(self):
        if self.closed:
            return
        self.closed = True
        self.link.pairs.discard(self)
        for one in (self.client, self.server):
            self.link.proxy.forget(one)
            one.close()


class Link:
    def __init__(self, proxy, order, seed):
        self.proxy, self.name, self.speaks, self.connect = proxy, order["link"], order["speaks"], order["connect"]
        self.random = random.Random(f"{seed} {self.name}")
        self.fault, self.pairs, self.struck = {}, set(), 0
        if os.path.exists(order["listen"]):
            os.unlink(order["listen"])
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(order["listen"])
        os.chmod(order["listen"], 0o777)
        self.listener.listen(256)
        self.listener.setblocking(False)

    def accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        if self.fault.get("refuse"):
            self.struck += 1
            client.close()
            return
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.connect)
        except OSError:
            server.close()
            client.close()
            return
        self.pairs.add(Pair(self, client, server))

    def set(self, fault):
        self.fault = fault
        for pair in list(self.pairs):
            if pair.lost or fault.get("refuse"):
                self.struck += bool(fault)
                pair.close()


class Proxy:
    def __init__(self, seed):
        self.seed, self.links = seed, {}
        self.selector = selectors.DefaultSelector()
        self.interest = {}  # socket -> events it is registered for
        self.input = b""

    def forget(self, one):
        if self.interest.pop(one, None) is not None:
            self.selector.unregister(one)

    def want(self, one, events):
        known = self.interest.get(one)
        if known == events:
            return
        if not events:
            return self.forget(one)
        if known is None:
            self.selector.register(one, events)
        else:
            self.selector.modify(one, events)
        self.interest[one] = events

    def obey(self, order):
        if order["do"] == "open":
            self.links[order["link"]] = Link(self, order, self.seed)
            return {}
        link = self.links[order["link"]]
        if order["do"] == "set":
            link.set(order["fault"])
        elif order["do"] == "cut":
            for pair in list(link.pairs):
                link.struck += 1
                pair.close()
        return {"struck": link.struck}

    def orders(self):
        data = os.read(0, PIECE)
        if not data:
            sys.exit(0)  # whoever gave the orders has gone
        self.input += data
        while b"\n" in self.input:
            line, self.input = self.input.split(b"\n", 1)
            os.write(1, json.dumps(self.obey(json.loads(line))).encode() + b"\n")

    def arrange(self, now):
        """Says what is waited for; returns how long at most."""
        patience = None
        for link in self.links.values():
            self.want(link.listener, selectors.EVENT_READ)
            for pair in list(link.pairs):
                for direction in pair.directions:
                    if not pair.closed:
                        direction.write(now)
                if pair.closed:
                    continue
                events = {pair.client: 0, pair.server: 0}
                for direction in pair.directions:
                    if not direction.ended and direction.held < MOST_HELD:
                        events[direction.source] |= selectors.EVENT_READ
                    if direction.waiting:
                        if direction.waiting[0][0] <= now:
                            events[direction.target] |= selectors.EVENT_WRITE
                        else:
                            due = direction.waiting[0][0] - now
                            patience = due if patience is None else min(patience, due)
                for one, wanted in events.items():
                    self.want(one, wanted)
        return patience

    def run(self):
        self.want(0, selectors.EVENT_READ)
        while True:
            patience = self.arrange(time.monotonic())
            ready = {key.fileobj: mask for key, mask in self.selector.select(patience)}
            if 0 in ready:
                self.orders()
            for link in list(self.links.values()):
                if link.listener in ready:
                    link.accept()
                for pair in list(link.pairs):
                    for direction in pair.directions:
                        if pair.closed or not ready.get(direction.source, 0) & selectors.EVENT_READ:
                            continue
                        try:
                            direction.heard(direction.source.recv(PIECE))
                        except BlockingIOError:
                            pass
                        except OSError:
                            pair.close()


if __name__ == "__main__":
    Proxy(sys.argv[1]).run()
