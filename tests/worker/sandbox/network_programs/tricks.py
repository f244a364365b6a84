"""A hostile job: ways around a rule that looks at addresses. Prints "OUT <way>" for each that worked; the listeners of
the test tell whether something arrived all the same."""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

SITE = "192.168.77.1"


def attempt(way):
    try:
        way()
        print("OUT", way.__name__, flush=True)
    except OSError as error:
        print("no", way.__name__, error, flush=True)


def connect(sock, host, port=7000):
    sock.settimeout(2)
    sock.connect((host, port))


def tcp(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM)


def loopback_through_the_device():
    sock = tcp()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"net0")
    connect(sock, "127.0.0.1")


def site_through_the_device():
    sock = tcp()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"net0")
    connect(sock, SITE)


def site_through_loopback():
    sock = tcp()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    connect(sock, SITE)


def outgoing_interface():  # IP_UNICAST_IF
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, 50, struct.pack("!I", socket.if_nametoindex("net0")))
    sock.settimeout(0.2)
    sock.sendto(b"127.0.0.1", ("127.0.0.1", 7000))
    sock.recv(10)


def transparent():
    sock = tcp()
    sock.setsockopt(socket.IPPROTO_IP, 19, 1)
    sock.bind(("203.0.113.77", 0))
    connect(sock, SITE)


def free_bind():
    sock = tcp()
    sock.setsockopt(socket.IPPROTO_IP, 15, 1)
    sock.bind((SITE, 0))
    connect(sock, SITE)


def raw():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def raw6():
    socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


def packet():
    socket.socket(17, socket.SOCK_RAW, 0x300)


def netlink():
    socket.socket(16, socket.SOCK_RAW, 0)


def fast_open():
    sock = tcp()
    sock.settimeout(2)
    sock.sendto(b"x", 0x20000000, (SITE, 7000))
    sock.recv(10)


def fast_open_connect():  # TCP_FASTOPEN_CONNECT: connect() says yes before anything is sent
    sock = tcp()
    sock.setsockopt(socket.IPPROTO_TCP, 30, 1)
    connect(sock, SITE)
    sock.send(b"x")
    if not sock.recv(10):
        raise OSError("nobody answered")


def source_route():  # loose: to the outside, and from there to the site
    sock = tcp()
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS,
                    bytes([131, 7, 4]) + socket.inet_aton("203.0.113.5") + b"\0")
    connect(sock, SITE)


def source_route_reversed():
    sock = tcp()
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([131, 7, 4]) + socket.inet_aton(SITE) + b"\0")
    connect(sock, "203.0.113.5")


def mapped():
    connect(tcp(socket.AF_INET6), "::ffff:192.168.77.1")


def mapped_in_hexadecimal():
    connect(tcp(socket.AF_INET6), "::ffff:a9fe:a9fe")


def compatible():
    connect(tcp(socket.AF_INET6), "::192.168.77.1")


def nat64():
    connect(tcp(socket.AF_INET6), "64:ff9b::192.168.77.1")


def six_to_four():
    connect(tcp(socket.AF_INET6), "2002:c0a8:4d01::1")


def outside_by_ipv6():
    connect(tcp(socket.AF_INET6), "2001:db8::5")


def unspecified():
    connect(tcp(), "0.0.0.0")


def unspecified6():
    connect(tcp(socket.AF_INET6), "::")


def multicast():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
    sock.sendto(b"224.0.0.251", ("224.0.0.251", 7000))


def broadcast():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.sendto(b"255.255.255.255", ("255.255.255.255", 7000))


def boot_server():  # that of slirp4netns
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(b"x", ("192.0.2.2", 67))


def file_server():  # likewise
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(b"\0\1x\0octet\0", ("192.0.2.2", 69))


def resolver_on_another_port():
    connect(tcp(), "192.0.2.3")


def other_protocols():  # SCTP, UDP-Lite, DCCP
    opened = False
    for kind, number in ((socket.SOCK_SEQPACKET, 132), (socket.SOCK_DGRAM, 136), (6, 33)):
        try:
            connect(socket.socket(socket.AF_INET, kind, number), SITE)
            opened = kind != socket.SOCK_DGRAM  # which has nothing to wait for
        except OSError:
            pass
    if not opened:
        raise OSError("none of them")


def ping():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    sock.settimeout(0.3)
    sock.sendto(b"\x08\0\xf7\xff\0\0\0\0", (SITE, 0))
    sock.recv(100)


def take_the_device_down():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"net0", 0))


def another_address():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    request = struct.pack("16sHH4s8x", b"net0", socket.AF_INET, 0, socket.inet_aton("203.0.113.5"))
    fcntl.ioctl(sock, 0x8916, request)


def flush_the_rule():
    if subprocess.run(["/usr/sbin/nft", "flush", "ruleset"], capture_output=True).returncode != 0:
        raise OSError("nft failed")


def flush_by_old_interface():  # IPT_SO_SET_REPLACE
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(socket.IPPROTO_IP, 64, b"\0" * 96)


def another_device():
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"net1", 2))


def join_the_host():
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open("/proc/1/ns/net", os.O_RDONLY)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def new_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x50000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


for trick in [value for name, value in list(globals().items())
              if callable(value) and getattr(value, "__module__", "") == "__main__"
              and name not in ("attempt", "connect", "tcp")]:
    attempt(trick)
for spelling in ("127.1", "0x7f000001", "2130706433", "017700000001", "3232255233", "0xc0a84d01", "192.168.19713",
                 "0300.0250.0115.01", "0251.0376.0251.0376", "2852039166", "169.254.43518"):
    def odd_spelling():
        connect(tcp(), spelling)
    try:
        odd_spelling()
        print("OUT", spelling, flush=True)
    except OSError as error:
        print("no", spelling, error, flush=True)
print("done", flush=True)
