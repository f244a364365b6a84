"""What the courses of courses_test.py run: a little web service of Python's standard library, with a WebSocket that
echoes. Sent along as the command of the course."""

import base64
import hashlib
import http.server
import json
import os
import socketserver


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.websocket()
        if self.path == "/large":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(200):
                self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return None
        if self.path == "/crash":
            os._exit(3)
        about = {
            "path": self.path,
            "pid": os.getpid(),
            "boot": BOOT,
            "headers": dict(self.headers.items()),
            "data": {name: os.listdir("/tmp/" + name) for name in ("Maße", "mnist") if os.path.isdir("/tmp/" + name)},
        }
        return self.send(200, json.dumps(about).encode(), ("Content-Type", "application/json"), ("Set-Cookie", "a=1"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        return self.send(200, body[::-1])

    def websocket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            size = head[1] & 127
            if size == 126:
                size = int.from_bytes(self.rfile.read(2), "big")
            elif size == 127:
                size = int.from_bytes(self.rfile.read(8), "big")
            mask = self.rfile.read(4)
            text = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            start = bytes([head[0]])
            length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else (
                b"\x7f" + size.to_bytes(8, "big"))
            self.wfile.write(start + length + text)
            if head[0] & 15 == 8:
                return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


BOOT = os.urandom(8).hex()
Server(("127.0.0.1", int(os.environ["PORT"])), Service).serve_forever()
