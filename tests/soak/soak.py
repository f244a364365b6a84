#!/usr/bin/env python3
"""The soak: real daemons under traffic while everything around them fails, and the question afterwards whether every
promise was kept (docs/reliability.md).

    soak.py [--minutes N] [--seed S] [--kinds A,B] [--faults N] [--keep DIRECTORY] [--plan N]

The verdict depends on no time: on a slow machine fewer faults fit. Ends with 1 when an invariant was broken, with 0 else.
It runs in process and mount namespaces of its own: whatever it starts ends with it. Needs root.
"""

import argparse
import contextlib
import itertools
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "end_to_end")]

import cluster  # noqa: E402
import event_log  # noqa: E402
import faults  # noqa: E402
import harness  # noqa: E402
import plan  # noqa: E402
import report  # noqa: E402
import traffic  # noqa: E402

CANNOT = 77  # nothing was tested here
LIVENESS_S = 900  # everything that was accepted ends within so long after the last fault: generous, a slow machine too


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long faults go on; default 60")
    parser.add_argument("--seed", default=None, help="of the plan of faults and of the traffic; default: a new one, printed")
    parser.add_argument("--kinds", default=None, help="only these kinds of fault; default all")
    parser.add_argument("--faults", type=int, default=10**9, help="at most so many")
    parser.add_argument("--keep", default=None, help="where journals and logs are kept; default: only if something broke")
    parser.add_argument("--plan", type=int, default=None, metavar="N", help="print the first N faults of the plan and end")
    parser.add_argument("--report", default=None, help="a file for the figures, as JSON")
    return parser.parse_args()


def reason_not_to_run():
    if os.geteuid() != 0:
        return "The soak needs root: it mounts small disks, limits its daemons and kills what it has started."
    if not sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return "PostgreSQL's server is not installed: apt-get install postgresql-15"
    tried = subprocess.run(["unshare", "--pid", "--mount", "--fork", "--kill-child", "mount", "-t", "tmpfs", "soak", "/mnt"],
                           capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"No namespaces can be made here: {tried.stderr.strip()}"
    check = subprocess.run([str(harness.BIN / "windlass-worker"), "--check", "--worker-state-directory", tempfile.gettempdir()],
                           capture_output=True, text=True, check=False)
    if check.returncode != 0:
        return f"No job can be run here:\n{check.stdout}{check.stderr}"
    return None


def enter_namespaces():
    """Comes back as process 1 of a process namespace of its own: when that ends, everything in it does."""
    if os.environ.get("WINDLASS_SOAK_INSIDE") == "1":
        return
    os.environ["WINDLASS_SOAK_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child", sys.executable, "-B", *sys.argv])


class Reaper(threading.Thread):
    """Process 1 gets the orphans of everybody. Our own children are waited for by who started them."""

    def __init__(self):
        super().__init__(daemon=True)

    def run(self):
        while True:
            time.sleep(1)
            for entry in pathlib.Path("/proc").iterdir():
                if not entry.name.isdigit():
                    continue
                with contextlib.suppress(OSError, IndexError, ChildProcessError):
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    comm = (entry / "comm").read_text()
                    if fields[0] == "Z" and fields[1] == "1" and comm.startswith(("windlass-spawne", "windlass-networ", "slirp4netns")):
                        os.waitpid(int(entry.name), os.WNOHANG)


class Stillness(threading.Thread):
    """Notices when the machine itself stood still: then our daemons did as well."""

    def __init__(self, operator):
        super().__init__(daemon=True)
        self.operator = operator

    def run(self):
        before = time.monotonic()
        while True:
            time.sleep(0.2)
            now = time.monotonic()
            if now - before > 2:
                self.operator.write(stood_still=round(now - before, 3))
            before = now


def soak(options, directory):
    stumbled = []  # a client of ours that fell over saw something that it was not made for

    def stumble(what):
        stumbled.append(f"the harness: {what.thread.name} ended with {what.exc_value!r}")
        threading.__excepthook__(what)

    threading.excepthook = stumble
    operator = traffic.Journal(directory / "operator.jsonl")
    Stillness(operator).start()
    site = cluster.Site(directory, options.seed, operator, math.ceil(options.minutes))
    breaches, figures = [], {}
    try:
        site.start()
        people = traffic.Traffic(site, options.seed, directory)
        people.start()
        kinds = options.kinds.split(",") if options.kinds else None
        doing = faults.Faults(site, people, operator)
        begin = time.monotonic()
        doing.run_until(begin + 60 * options.minutes, options.seed, kinds, options.faults)
        if doing.failed:
            raise AssertionError("a fault could not be done or undone: " + "; ".join(doing.failed))
        over = time.monotonic()
        print(f"{sum(map(len, doing.done.values()))} faults in {over - begin:.0f} s; now every job must end", flush=True)
        try:
            people.end_schedules()
            people.stop_new_ones()
            people.wait_quiet(LIVENESS_S)
        except AssertionError as error:
            breaches.append(f"I11: {error}; alive: {[one.name for one in people.people if one.is_alive()]}")
        people.last_look() if not breaches else people.gone.set()
        figures["quiet after"] = time.monotonic() - over
        breaches += event_log.breaches(site.database)
        breaches += [f"the harness: nothing would be noticed by \"{one}\"" for one in event_log.blind_questions(site.database)]
        wall = time.time() - time.monotonic()
        figures |= report.figures(site, people, doing, event_log.numbers(site.database, wall), begin, over, directory)
    finally:
        site.stop()
    breaches += site.violations + stumbled
    outside = subprocess.run(
        ["perl", str(HERE / "check_from_outside.pl"), *(str(directory / f"{one}.jsonl") for one in ("clients", "jobs", "operator"))],
        capture_output=True, text=True, check=False,
    )
    report.show(figures, doing)
    print(f"from outside: {outside.stdout.splitlines()[-1] if outside.stdout else outside.stderr}", flush=True)
    breaches += outside.stdout.splitlines()[:-1] if outside.returncode in (0, 1) else [f"the outside check failed: {outside.stderr}"]
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(figures, indent=1, sort_keys=True))
    return breaches


def main():
    options = arguments()
    if options.seed is None:
        options.seed = os.urandom(4).hex()
    if options.plan is not None:
        for fault in itertools.islice(plan.plan(options.seed, options.kinds.split(",") if options.kinds else None), options.plan):
            print(fault)
        return 0
    reason = None if os.environ.get("WINDLASS_SOAK_INSIDE") else reason_not_to_run()
    if reason:
        print(f"skipped: {reason}")
        return CANNOT
    if "--seed" not in sys.argv:
        sys.argv += ["--seed", options.seed]
    enter_namespaces()
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    Reaper().start()
    print(f"seed {options.seed}, {options.minutes:g} minutes; again: scripts/soak --minutes {options.minutes:g} --seed {options.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="windlass-soak-", dir="/var/tmp"))
    breaches = []
    try:
        breaches = soak(options, directory)
    except Exception as error:
        breaches = [f"the harness gave up: {error!r}"]
        raise
    finally:
        if breaches or options.keep:
            kept = pathlib.Path(options.keep) if options.keep else pathlib.Path(f"/var/tmp/windlass-soak-{options.seed}.broken")
            keep(directory, kept)
            print(f"journals and logs: {kept}", flush=True)
        shutil.rmtree(directory, ignore_errors=True)
    for breach in breaches[:60]:
        print(f"BREACH {breach}")
    print(f"{len(breaches)} breaches", flush=True)
    return 1 if breaches else 0


def keep(directory, kept):
    kept.mkdir(parents=True, exist_ok=True)
    for path in directory.iterdir():
        if path.suffix in (".jsonl", ".log"):
            shutil.copy(path, kept / path.name)


if __name__ == "__main__":
    sys.exit(main())
