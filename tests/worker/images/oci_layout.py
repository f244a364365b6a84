#!/usr/bin/env python3
"""Writes an OCI image layout: busybox, and layers of any kind. For tests; no network, no tool."""
import gzip, hashlib, io, json, os, sys, tarfile

def blob(directory, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(directory, "blobs/sha256", digest), "wb") as out: out.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}

def entry(name, kind=tarfile.REGTYPE, content=b"", mode=0o644, link="", uid=0, **more):
    info = tarfile.TarInfo(name); info.type = kind; info.mode = mode; info.size = len(content); info.linkname = link; info.uid = uid
    for k, v in more.items(): setattr(info, k, v)
    return info, content

def layer(directory, entries):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries: tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    data = raw.getvalue()
    return dict(blob(directory, gzip.compress(data, mtime=0)), mediaType="application/vnd.oci.image.layer.v1.tar+gzip"), "sha256:" + hashlib.sha256(data).hexdigest()

def image(directory, layers, config, tag="latest"):
    os.makedirs(os.path.join(directory, "blobs/sha256"))
    made = [layer(directory, entries) for entries in layers]
    conf = dict(blob(directory, json.dumps({"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": [d for _, d in made]}}).encode()), mediaType="application/vnd.oci.image.config.v1+json")
    manifest = dict(blob(directory, json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": conf, "layers": [l for l, _ in made]}).encode()), mediaType="application/vnd.oci.image.manifest.v1+json", annotations={"org.opencontainers.image.ref.name": tag})
    with open(os.path.join(directory, "index.json"), "w") as out: json.dump({"schemaVersion": 2, "manifests": [manifest]}, out)
    with open(os.path.join(directory, "oci-layout"), "w") as out: out.write('{"imageLayoutVersion": "1.0.0"}')
    return manifest["digest"]

def busybox():
    with open("/bin/busybox", "rb") as program: content = program.read()
    words = "sh ls cat id echo mount umount touch rm mkdir stat find ln mv readlink chmod dd true env pwd wc grep sleep nc httpd".split()
    return [entry("bin", tarfile.DIRTYPE, mode=0o755), entry("bin/busybox", content=content, mode=0o755)] + \
        [entry("bin/" + w, tarfile.SYMTYPE, link="busybox") for w in words] + \
        [entry("tmp", tarfile.DIRTYPE, mode=0o1777), entry("etc", tarfile.DIRTYPE, mode=0o755), entry("etc/passwd", content=b"root:x:0:0::/root:/bin/sh\nlearner:x:1000:1000::/home/learner:/bin/sh\n"),
         entry("etc/group", content=b"root:x:0:\n"), entry("home/learner", tarfile.DIRTYPE, mode=0o700, uid=1000), entry("home/learner/notes", content=b"hello\n", mode=0o600, uid=1000)]

def hostile(kind, outside):
    """Layers that try to get out; `outside` is a directory that must stay as it is."""
    D, L, H, C, B, F = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE
    up = "../" * 30
    kinds = {
        "dots": [[entry(up + outside.lstrip("/") + "/by-dots", content=b"x")]],
        "absolute": [[entry(outside + "/by-absolute", content=b"x"), entry("/outside-absolute", content=b"x")]],
        "links": [[entry("way", L, link=outside), entry("up", L, link=up + outside.lstrip("/"))],
                  [entry("way/by-link", content=b"x"), entry("up/by-link", content=b"x"), entry("way/file", content=b"x")]],
        "replaced": [[entry("place", D, mode=0o755), entry("place/inner", content=b"x")],
                     [entry("place", L, link=outside), entry("place/by-link", content=b"x")]],
        "devices": [[entry("null", C, devmajor=1, devminor=3, mode=0o666), entry("disk", B, devmajor=8, devminor=0), entry("pipe", F)]],
        "setuid": [[entry("bin/setuid", content=b"#!/bin/sh\n", mode=0o6755), entry("bin/setgid", content=b"", mode=0o2755)]],
        "hardlink-absolute": [[entry("stolen", H, link=outside + "/file")]],
        "hardlink-dots": [[entry("stolen", H, link=up + outside.lstrip("/") + "/file")]],
        "whiteouts": [[entry("way", L, link=outside), entry("etc/.wh.group"), entry("home/.wh..wh..opq")],
                      [entry("way/.wh.file"), entry(".wh..."), entry("tmp/.wh..")]],
        "closed": [[entry("closed", D, mode=0), entry("closed/inner", content=b"x", mode=0), entry("locked", content=b"x", mode=0)]],
        "root-link": [[entry(".", L, link=outside), entry("by-root", content=b"x")]],
        "large": [[entry("zeros", content=bytes(80 << 20))]],
        "many": [[entry("f%d" % i) for i in range(2200)]],
    }
    return [busybox()] + kinds[kind]

if __name__ == "__main__":
    directory, kind = sys.argv[1:3]
    config = {"Env": ["PATH=/bin", "COLOUR=blau"], "Entrypoint": ["echo", "entry"], "Cmd": ["point"], "WorkingDir": "/home/learner/work", "User": "learner"}
    print(image(directory, [busybox()] if kind == "good" else hostile(kind, sys.argv[3]), config))
