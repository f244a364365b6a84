"""A small root file system for tests, made of what this machine has: busybox and the interpreter of the distribution with
its library. No network, no container engine."""

import pathlib
import re
import shutil
import subprocess

BUSYBOX = pathlib.Path("/bin/busybox")
PYTHON = pathlib.Path("/usr/bin/python3")
NOT_NEEDED = ("test", "idlelib", "tkinter", "lib-dynload", "__pycache__", "ensurepip", "pydoc_data", "lib2to3",
              "distutils", "dist-packages", "config-*", "sqlite3", "unittest", "multiprocessing", "asyncio")


def missing():
    """Why no image can be made here; empty if it can."""
    return "" if BUSYBOX.exists() and PYTHON.exists() else "busybox and python3 of the distribution are needed"


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
