#!/usr/bin/env python3
"""A registry on loopback that has one image, an OCI layout: prints its port and serves until it is killed. For tests.
`how`: honest, lying (other bytes than the digest says), endless (a layer that does not end)."""
import http.server
import json
import pathlib
import sys

layout, how = pathlib.Path(sys.argv[1]), sys.argv[2]
manifest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
largest = max((layout / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size).name


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json", digest=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if len(parts) < 4:
            return self.answer(200, b"{}")
        kind, reference = parts[-2:]
        digest = reference if reference.startswith("sha256:") else manifest
        blob = layout / "blobs/sha256" / digest.removeprefix("sha256:")
        if not blob.is_file():
            return self.answer(404, b"{}")
        if kind == "manifests":
            return self.answer(200, blob.read_bytes(), "application/vnd.oci.image.manifest.v1+json", digest)
        if blob.name != largest or how == "honest":
            return self.answer(200, blob.read_bytes(), "application/octet-stream")
        if how == "lying":
            return self.answer(200, bytes(b ^ 1 for b in blob.read_bytes()), "application/octet-stream")
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 20))
        except OSError:
            pass
        return None

    do_HEAD = do_GET


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
