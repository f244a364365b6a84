"""Images of the tests' own making, good and hostile, byte by byte. JPEGs are encoded by vips, which the tests need anyway."""

import pathlib
import struct
import subprocess
import tempfile
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def exif(orientation):
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def png(width, height, depth=8, colour=2, interlaced=0, before=b"", after=b"", rows=None, pixel=b"\x80"):
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    if rows is None:
        rows = (b"\0" + pixel * ((width * samples * depth + 7) // 8)) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
        + before
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + after
        + chunk(b"IEND", b"")
    )


def random_png(width, height, seed):
    """Pixels of which no two images share a compressed form."""
    state = seed * 2654435761 % 2**32 or 1
    rows = bytearray()
    for _ in range(height):
        rows.append(0)
        for _ in range(width):
            state = (state * 1664525 + 1013904223) % 2**32
            rows += struct.pack(">I", state)[:3]
    return png(width, height, rows=bytes(rows))


def noise_of(width, height, seed):
    return random_png(width, height, seed)


def vips(*arguments, suffix, source=None):
    """What a vips command writes: "IN" and "OUT" stand for files."""
    with tempfile.TemporaryDirectory() as directory:
        given, made = pathlib.Path(directory) / "in.png", pathlib.Path(directory) / f"out.{suffix.split('[')[0]}"
        if source is not None:
            given.write_bytes(source)
        options = suffix[len(suffix.split("[")[0]) :]
        words = [{"IN": str(given), "OUT": f"{made}{options}"}.get(word, word) for word in arguments]
        subprocess.run(["vips", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return made.read_bytes()


def jpeg(width, height, options=""):
    return vips("copy", "IN", "OUT", suffix=f"jpg{options}", source=noise_of(width, height, width + height))


def with_exif(jpeg_bytes, orientation):
    data = b"Exif\0\0" + exif(orientation)
    return jpeg_bytes[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg_bytes[2:]


def header_of(data):
    """(kind, width, height) of an image that we can trust."""
    if data.startswith(b"\x89PNG"):
        return ("png", *struct.unpack(">II", data[16:24]))
    at = 2
    while True:
        marker, size = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xC2:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return ("jpeg", width, height)
        at += 2 + size


def form(data, name="a.png", field="image"):
    edge = "an-edge-that-no-image-has-in-it"
    body = (
        f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + data + f"\r\n--{edge}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}"}
