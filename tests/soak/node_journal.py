"""Writes down what the programs of the jobs themselves say on the node, and when each of them was gone.

A job connects to a Unix socket below /usr/local (the one place of the host that a box shows, read-only; Unix sockets are
what a job may have) and keeps the connection to its end. The kernel closes it whatever kills the job, so the moment at
which a run was over is known without asking anybody. One line of JSON each, times are CLOCK_MONOTONIC of this machine:

    {"run": 7, "at": 12.5, "uid": 300001, "said": "start 100000042 1 NONCE KEY"}   what it wrote
    {"run": 7, "at": 13.0, "gone": true}

No fault is ever done to this program, and it talks to no daemon.
"""

import json
import os
import selectors
import socket
import struct
import sys
import time


def main(path, journal):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(1024)
    out = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    runs = 0

    def write(**line):
        os.write(out, json.dumps({"at": round(time.monotonic(), 6), **line}).encode() + b"\n")

    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return  # whoever started us has gone, or wants us to
            if key.fileobj is listener:
                job, _ = listener.accept()
                _, uid, _ = struct.unpack("iII", job.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                runs += 1
                selector.register(job, selectors.EVENT_READ, [runs, uid, b""])
                continue
            run = key.data
            try:
                data = key.fileobj.recv(4096)
            except OSError:
                data = b""
            run[2] += data
            *lines, run[2] = run[2].split(b"\n")
            for line in lines:
                write(run=run[0], uid=run[1], said=line.decode(errors="replace"))
            if not data:
                write(run=run[0], gone=True)
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
