"""A place on the test's little internet: takes TCP and UDP on port 7000 of every address it has, answers, and remembers
who was spoken to. Prints "ready". On 7999 it tells what it remembers, one line each, and forgets it.

With an address as argument it is also a name server there: every name is 203.0.113.5.
"""
import select
import socket
import sys


def tcp(port):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    return server


def address(sock):
    return sock.getsockname()[0].removeprefix("::ffff:")


def dns_answer(question):
    end = question.index(b"\0", 12) + 5
    header = question[:2] + b"\x81\x80" + b"\0\1\0\1\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton("203.0.113.5")
    return header + question[12:end] + record


speak, tell = tcp(7000), tcp(7999)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind(("::", 7000))
waiting = [speak, tell, udp]
names = None
if len(sys.argv) > 1:
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((sys.argv[1], 53))
    waiting.append(names)
heard = []
print("ready", flush=True)
while True:
    for sock in select.select(waiting, [], [])[0]:
        if sock is udp:
            data, peer = udp.recvfrom(1000)
            heard.append("udp " + data.decode())
            udp.sendto(b"udp hello", peer)
        elif sock is names:
            data, peer = names.recvfrom(1000)
            names.sendto(dns_answer(data), peer)
        else:
            client, _ = sock.accept()
            if sock is speak:
                heard.append("tcp " + address(client))
                client.sendall(b"tcp hello")
            else:
                client.sendall("\n".join(heard).encode())
                heard.clear()
            client.close()
