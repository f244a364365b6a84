"""A small image for tests, made of what this machine has: busybox and the interpreter of the distribution with its
library, in one layer of an OCI layout. No network, no container engine."""

import gzip
import hashlib
import io
import json
import pathlib
import re
import shutil
import subprocess
import tarfile

BUSYBOX = pathlib.Path("/bin/busybox")
PYTHON = pathlib.Path("/usr/bin/python3")
NOT_NEEDED = ("test", "idlelib", "tkinter", "lib-dynload", "__pycache__", "ensurepip", "pydoc_data", "lib2to3",
              "distutils", "dist-packages", "config-*", "sqlite3", "unittest", "multiprocessing", "asyncio")


def missing():
    """Why no image can be made or imported here; empty if it can."""
    needed = (BUSYBOX, PYTHON, pathlib.Path("/usr/bin/skopeo"), pathlib.Path("/usr/bin/umoci"))
    absent = [str(program) for program in needed if not program.exists()]
    return f"needs {', '.join(absent)} (scripts/packages.sh)" if absent else ""


def make(directory):
    root = pathlib.Path(directory)
    for name in ("bin", "usr/bin", "etc", "tmp", "proc", "dev", "usr/lib"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for name in ("sh", "ls", "cat", "sleep", "httpd", "wget", "mkdir", "id"):
        (root / "bin" / name).symlink_to("busybox")
    program = PYTHON.resolve()
    shutil.copy(program, root / "usr/bin/python3")
    said = "".join(
        subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout
        for file in (program, BUSYBOX)
    )
    for library in set(re.findall(r"(/\S+\.so\S*)", said)):
        place = root / library.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(library).resolve(), place)
    library = pathlib.Path("/usr/lib") / program.name
    shutil.copytree(library, root / "usr/lib" / program.name, ignore=shutil.ignore_patterns(*NOT_NEEDED), symlinks=False,
                    ignore_dangling_symlinks=True)
    return root


def make_layout(directory, files, config):
    """The same with `files` (path -> text) added to it, as an OCI layout. Its digest."""
    layout = pathlib.Path(directory)
    tree = make(layout.with_name(layout.name + ".tree"))
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (layout / "blobs/sha256").mkdir(parents=True)

    def keep(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (layout / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": "sha256:" + digest, "size": len(data)}

    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        tar.add(tree, arcname=".")
    shutil.rmtree(tree)
    layer = keep(gzip.compress(raw.getvalue(), compresslevel=1), "layer.v1.tar+gzip")
    diff = "sha256:" + hashlib.sha256(raw.getvalue()).hexdigest()
    whole = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": [diff]}}
    described = keep(json.dumps(whole).encode(), "config.v1+json")
    manifest = {"schemaVersion": 2, "config": described, "layers": [layer]}
    top = keep(json.dumps(manifest).encode(), "manifest.v1+json")
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return top["digest"]
