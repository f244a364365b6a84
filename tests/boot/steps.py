"""What scripts/boot does inside of its machine. Runs as root once after each boot; says every step as it ends:

    STEP   seconds  what was tried  |  what was seen
    RESULT good | bad

Everything is waited for, with a patience that only something broken exceeds: the processor may be emulated, at a tenth of its speed.
"""
import collections
import csv
import io
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import traceback
import urllib.request

HERE = pathlib.Path("/opt/boot")
BOOTED = HERE / "booted"  # there from the second boot on; holds the id of the first job
PACKAGES = ("windlass-server", "windlass-worker", "windlass")
SERVICES = ("windlass-scheduler", "windlass-api", "windlass-worker")
URL = "http://127.0.0.1:8080"
PATIENCE = 900
MEGABYTE = 1 << 20
began = time.monotonic()
meant = collections.Counter()  # ends of units that the journal is to name, by their result


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def until(what, probe):
    end = time.monotonic() + PATIENCE
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s for {what}")
        time.sleep(0.2)


def expect(true, what):
    if not true:
        raise AssertionError(what)


def show(unit, *names):
    text = run("systemctl", "show", unit, *[f"--property={name}" for name in names])
    return dict(line.split("=", 1) for line in text.splitlines())


def active_pid(service):
    state = show(service, "ActiveState", "MainPID")
    return int(state["MainPID"]) if state["ActiveState"] == "active" else None


def wait_until_active(*others_than):
    return {s: until(f"{s} to be active", lambda s=s: (p := active_pid(s)) not in (None, *others_than) and p) for s in SERVICES}


def site():
    import windlass  # of the package, which is not there before the first step
    token = pathlib.Path("/var/lib/windlass/admin/admin.token").read_text().strip()
    return windlass.Site(URL, token, patience_s=PATIENCE)


def get(path):
    token = pathlib.Path("/var/lib/windlass/admin/admin.token").read_text().strip()
    with urllib.request.urlopen(urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {token}"})) as answer:
        return json.load(answer)


def result_of(job):
    job.wait(PATIENCE)
    return job.result(PATIENCE, check=False)


def echo(word):
    found = result_of(site().submit(f"echo {word}"))
    expect((found.outcome, found.stdout) == ("exited", word + "\n"), f"a job gave {found.raw}")
    return found


def takeovers():
    return run("journalctl", "-b", "-uwindlass-worker", "-o", "cat").count("boxes of the former worker")


class Held:
    """Jobs that run until they are let go of: one that talks all the time, one that then asks for more memory than it may have, two
    members of an array. The first attempt of each must be the last one."""

    def __init__(self, word):
        self.gate = pathlib.Path(f"/usr/lib/boot-{word}")  # jobs see this, too
        wait = f"until [ -e {self.gate} ]; do sleep 0.5; done"
        small = {"memory_bytes": 64 * MEGABYTE, "cpus": 0.3}
        self.talks = site().submit(f"i=0; until [ -e {self.gate} ]; do i=$((i + 1)); echo line $i; sleep 0.5; done", limits=small)
        self.grows = site().submit(f"{wait}; head -c 300000000 /dev/zero | tail", limits=small)
        self.members = list(site().submit(f"{wait}; echo $WINDLASS_ARRAY_INDEX", array=2, limits=small).members())
        self.jobs = [self.talks, self.grows, *self.members]
        for job in self.jobs:
            until(f"job {job.id} to run", lambda job=job: job.show()["status"] == "running")
        self.takeovers = takeovers()

    def let_go(self):
        """When the next worker has taken over."""
        until("the next worker to take over", lambda: takeovers() > self.takeovers)
        states = {job.id: job.show()["status"] for job in self.jobs}
        expect(set(states.values()) == {"running"}, f"after the new start: {states}")
        self.gate.touch()
        lines = result_of(self.talks).stdout.splitlines()
        expect(lines and lines == [f"line {number}" for number in range(1, len(lines) + 1)], f"a gap in {lines}")
        grown = result_of(self.grows)
        expect(grown.outcome == "out_of_memory" and grown.usage["peak_memory_bytes"] <= 65 * MEGABYTE, grown.raw)
        said = sorted(result_of(member).stdout for member in self.members)
        expect(said in (["0\n", "1\n"], ["1\n", "2\n"]), f"members of an array: {said}")
        for job in self.jobs:
            attempts = get(f"/api/jobs/{job.id}/attempts/")
            expect(len(attempts) == 1, f"job {job.id}: {attempts}")
        return (f"{len(self.jobs)} jobs ran on as attempt 1: output without a gap ({len(lines)} lines), out_of_memory at "
                f"{grown.usage['peak_memory_bytes'] / MEGABYTE:.0f} MiB, members of an array")


def install(folder):
    run("dpkg", "--force-unsafe-io", "--install", *sorted((HERE / folder).glob("*.deb")))
    return run("dpkg-query", "--show", "--showformat=${Version}", "windlass-server")


# ---- the steps: each returns what was seen, or raises

def the_machine():
    state = run("systemctl", "is-system-running", "--wait", check=False)
    expect(state == "running", f"{state}: {run('systemctl', '--failed', '--no-legend', check=False)}")
    controllers = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    expect({"cpu", "io", "memory", "pids"} <= set(controllers), f"cgroup v2 with {controllers}")
    return f"Linux {os.uname().release}, {run('systemctl', '--version').splitlines()[0]}, cgroup v2 with {' '.join(controllers)}"


def the_packages_are_installed():
    # The processor is emulated at a tenth of its speed, and so is the start of a worker: the leases that it must be back for live longer.
    folder = pathlib.Path("/etc/systemd/system/windlass-scheduler.service.d")
    folder.mkdir(parents=True)
    (folder / "slow.conf").write_text("[Service]\nEnvironment=WINDLASS_SCHEDULER_LEASE_TTL_MS=90000\n")
    version = install("old")
    wait_until_active()
    missing = [line for line in run("windlass-worker", "--check", "--config", "/etc/windlass/worker.toml", check=False).splitlines()
               if "MISSING" in line]
    expect(not missing, f"the worker lacks {missing}")
    return f"{version}; all three units are active, no protection is missing"


def a_job():
    found = echo("first")
    words = run("env", f"WINDLASS_URL={URL}", "WINDLASS_TOKEN=" + pathlib.Path("/var/lib/windlass/admin/admin.token").read_text().strip(),
                "windlass", "run", "--", "echo from the command")
    expect(words.endswith("from the command"), words)
    return f"its result is there after {found.duration_s:.2f} s of running"


def memory_limit():
    found = result_of(site().submit("head -c 300000000 /dev/zero | tail", limits={"memory_bytes": 64 * MEGABYTE}))
    expect(found.outcome == "out_of_memory", found.raw)
    peak = found.usage["peak_memory_bytes"]
    expect(48 * MEGABYTE <= peak <= 65 * MEGABYTE, f"peak {peak}")
    expect(int(show("windlass-worker", "NRestarts")["NRestarts"]) == 0, "the worker died with it")
    return f"64 MiB: out_of_memory at {peak / MEGABYTE:.0f} MiB; the worker lives on"


def process_limit():
    # Each of the children says that it lives, and stays until the others have been tried.
    found = result_of(site().submit('for i in $(seq 40); do { echo alive; exec sleep 5; } & done 2>fork; wait', limits={"processes": 12}))
    alive = found.stdout.count("alive")
    expect(0 < alive < 12, found.raw)
    return f"12 processes: {alive} of 40 children beside the shell"


def cpu_limit():
    burn = "end=$(($(date +%s) + 6)); while [ $(date +%s) -lt $end ]; do :; done"
    shares = []
    for cores in (1, 0.2):
        found = result_of(site().submit(burn, limits={"cpus": cores}))
        expect(found.outcome == "exited", found.raw)
        shares.append(found.usage["cpu_s"] / found.usage["wall_s"])
    expect(shares[1] < 0.3 < shares[0], f"of a core: {shares}")
    return f"1 core: used {shares[0]:.2f}; 0.2 cores: used {shares[1]:.2f}"


def samples():
    job = site().submit("head -c 50000000 /dev/zero >held; end=$(($(date +%s) + 8)); while [ $(date +%s) -lt $end ]; do :; done")
    result_of(job)

    def points(measurement):
        return [float(row["_value"]) for metric in get(f"/api/job/{job.id}?raw=true")["MetricData"]
                if metric["Config"]["Measurement"] == measurement for row in csv.DictReader(io.StringIO(metric["RawData"]))]

    cpu = until("samples", lambda: len(points("cpu_used")) >= 2 and points("cpu_used"))
    # The last sample tells the highest of the run, and comes when it can.
    memory = until("the memory of the job among them", lambda: (m := points("mem_used")) and max(m) > 45e6 and m)
    processes = points("processes")
    usual = statistics.median_low(cpu[1:])  # the first one is over a moment, in which an emulated clock may jump
    expect(0.2 < usual < 1.5, f"cores: {cpu}")
    expect(max(processes) >= 1, f"processes: {processes}")
    return f"{len(cpu)} of them; {usual:.2f} cores, {max(memory) / 1e6:.0f} MB, {max(processes):.0f} processes"


def change(file, old, new):
    text = pathlib.Path(file).read_text()
    expect(old in text, f"{file} has no line {old}")
    pathlib.Path(file).write_text(text.replace(old, new))


NETWORK_SETTINGS = [("/etc/windlass/worker.toml", '# network = "none"', 'network = "full"'),
                    ("/etc/windlass/windlass.toml", "# network_full = []", 'network_full = ["everybody"]')]


def network():
    """A job with the whole network reaches another machine (which is a network namespace here) and not this one, also
    when the worker is killed below it; a job without reaches nothing."""
    here, there = "198.51.100.1", "198.51.100.7"  # TEST-NET-2: addresses of nobody
    for words in ("netns add world", "link add outside type veth peer name inside netns world", f"address add {here}/24 dev outside",
                  "link set outside up", f"-n world address add {there}/24 dev inside", "-n world link set inside up"):
        run("ip", *words.split())
    served = HERE / "world"
    served.mkdir()
    (served / "hello").write_text("from the world\n")
    serve = [sys.executable, "-m", "http.server", "--directory", served, "81"]
    servers = [subprocess.Popen([*at, *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for at in ([], ["ip", "netns", "exec", "world"])]
    ask = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())"
    for address in (here, there):  # both answer: to whom they should not, it is the rule that forbids it
        until(f"{address} to answer", lambda address=address: run(sys.executable, "-c", ask, f"http://{address}:81/hello", check=False) == "from the world")
    # As udev would, which is left out of this machine (its rules 50-udev-default).
    run("modprobe", "tun")
    os.chmod("/dev/net/tun", 0o666)
    for unit in ("windlass-worker", "windlass-boxes"):
        folder = pathlib.Path(f"/etc/systemd/system/{unit}.service.d")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"/usr/share/doc/windlass-worker/examples/{unit}-network.conf", folder / "network.conf")
    for file, old, new in NETWORK_SETTINGS:
        change(file, old, new)
    start_afresh()

    gate = pathlib.Path("/usr/lib/boot-network")
    hello, back = (f"python3 -c '{ask}' http://{address}:81/hello" for address in (there, here))
    held = site().submit(f"{hello}; until [ -e {gate} ]; do sleep 0.5; done; {hello}", network="full")
    until("the job to run", lambda: held.show()["status"] == "running")
    before, took_over = active_pid("windlass-worker"), takeovers()
    os.kill(before, 9)
    meant["signal"] += 1
    until("windlass-worker to be started again", lambda: active_pid("windlass-worker") not in (None, before))
    until("the next worker to take over", lambda: takeovers() > took_over)
    gate.touch()
    found = result_of(held)
    expect(found.stdout == "from the world\n" * 2, found.raw)
    expect(len(get(f"/api/jobs/{held.id}/attempts/")) == 1, "it was run again")
    for job, kind in ((site().submit(hello), "without a network"), (site().submit(back, network="full"), "to its own host")):
        found = result_of(job)
        expect(found.stdout == "" and "Error" in found.stderr, f"{kind}: {found.raw}")

    for file, old, new in NETWORK_SETTINGS:
        change(file, new, old)
    for unit in ("windlass-worker", "windlass-boxes"):
        pathlib.Path(f"/etc/systemd/system/{unit}.service.d/network.conf").unlink()
    start_afresh()
    for server in servers:
        server.kill()
        server.wait()
    return f"it reached {there} before and after the worker was killed below it, in one attempt; not this machine, and nothing without network: full"


def start_afresh():
    """After a change of units and settings; boxes are held by a unit of their own."""
    run("systemctl", "daemon-reload")
    run("systemctl", "stop", "windlass-worker", "windlass-boxes", "windlass-api")
    run("systemctl", "start", *SERVICES)
    wait_until_active()


def killed():
    seen = []
    for service in SERVICES:
        before = active_pid(service)
        begin = time.monotonic()
        os.kill(before, 9)
        meant["signal"] += 1
        until(f"{service} to be started again", lambda: active_pid(service) not in (None, before))
        seen.append(f"{service} is back after {time.monotonic() - begin:.1f} s")
        echo("again")
    return "; ".join(seen)


def killed_below_jobs():
    boxes = active_pid("windlass-boxes")
    held = Held("killed")
    before = active_pid("windlass-worker")
    begin = time.monotonic()
    os.kill(before, 9)
    meant["signal"] += 1
    until("windlass-worker to be started again", lambda: active_pid("windlass-worker") not in (None, before))
    back = time.monotonic() - begin
    seen = held.let_go()
    expect(active_pid("windlass-boxes") == boxes, "the unit that holds the boxes was started again")
    return f"the worker is back after {back:.1f} s; {seen}"


def the_boxes_are_killed():
    before = active_pid("windlass-worker")
    os.kill(active_pid("windlass-boxes"), 9)
    until("windlass-boxes to be down", lambda: show("windlass-boxes", "ActiveState")["ActiveState"] == "failed")
    meant["exit-code"] += 1
    job = site().submit("echo there")  # which finds no place
    until("the worker to be started again", lambda: active_pid("windlass-worker") not in (None, before))
    found = result_of(job)
    expect(found.stdout == "there\n", found.raw)
    return "what holds the cgroup of all boxes was killed: the worker ended with the next job, both came back, the job ran"


def watchdog():
    seen = []
    for service in SERVICES:
        folder = pathlib.Path(f"/run/systemd/system/{service}.service.d")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "impatient.conf").write_text("[Service]\nWatchdogSec=8s\n")
    run("systemctl", "daemon-reload")
    for service in SERVICES:
        run("systemctl", "restart", service)
    pids = wait_until_active()
    for service in SERVICES:
        held = Held("frozen") if service == "windlass-worker" else None
        begin = time.monotonic()
        os.kill(pids[service], 19)  # SIGSTOP
        meant["watchdog"] += 1
        until(f"{service} to be started again", lambda: active_pid(service) not in (None, pids[service]))
        expect("Failed with result 'watchdog'" in run("journalctl", "-b", f"-u{service}", "-o", "cat"), f"{service}: another reason")
        seen.append(f"{service} is back after {time.monotonic() - begin:.0f} s")
        if held:
            seen.append(held.let_go())
        echo("again")
        (pathlib.Path(f"/run/systemd/system/{service}.service.d") / "impatient.conf").unlink()
    run("systemctl", "daemon-reload")
    return f"WatchdogSec=8s: {'; '.join(seen)}"


def restarts_below_a_job():
    job = site().submit("sleep 30; echo done")
    until("the job to run", lambda: job.show()["status"] == "running")
    for service in ("windlass-scheduler", "windlass-api"):
        run("systemctl", "reload", service)
        run("systemctl", "restart", service)
    found = result_of(job)
    expect((found.outcome, found.stdout) == ("exited", "done\n"), found.raw)
    attempts = len(get(f"/api/jobs/{job.id}/attempts/"))
    expect(attempts == 1, f"{attempts} attempts")
    return "scheduler and api reloaded and started again; the job ran on, one attempt"


def drain():
    job = site().submit("sleep 10; echo done")
    until("the job to run", lambda: job.show()["status"] == "running")
    begin = time.monotonic()
    run("systemctl", "stop", "windlass-worker")
    took = time.monotonic() - begin
    state = show("windlass-worker", "Result", "ExecMainStatus")
    expect(state == {"Result": "success", "ExecMainStatus": "0"}, state)
    found = result_of(job)
    expect((found.outcome, found.stdout) == ("exited", "done\n"), found.raw)
    run("systemctl", "start", "windlass-worker")
    return f"the worker was stopped within {took:.0f} s, after its job had ended; the result was taken"


def upgrade():
    with open("/etc/windlass/windlass.toml", "a") as file:
        file.write("# ours\n")
    held = Held("upgraded")
    before, boxes = wait_until_active(), active_pid("windlass-boxes")
    version = install("new")
    after = wait_until_active()
    seen = held.let_go()
    expect(before["windlass-worker"] == after["windlass-worker"], "the worker was stopped")
    expect(len(set(before.values()) & set(after.values())) == 1, "an old program still runs")
    expect(all("(deleted)" not in os.readlink(f"/proc/{pid}/exe") for pid in after.values()), "an old program still runs")
    expect(active_pid("windlass-boxes") == boxes, "the unit that holds the boxes was started again")
    expect(pathlib.Path("/etc/windlass/windlass.toml").read_text().endswith("# ours\n"), "the configuration was overwritten")
    return f"to {version}: {seen}; the changed configuration was kept"


def journal():
    text = run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", *[f"-u{s}" for s in SERVICES])
    for result, times in meant.items():
        expect(text.count(f"Failed with result '{result}'") == times, f"not {times} times {result}:\n{text}")
    expect(text.count("Failed with result") == meant.total(), text)
    wrong = [line for line in text.splitlines() for word in ("left-over process", "Failed to ", "Unknown ", "timed out") if word in line]
    # The spawner, and what it keeps: that is how jobs outlive their worker.
    wrong = [line for line in wrong if "windlass-worker.service: Found left-over process" not in line]
    errors = run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", "-p", "err", "SYSLOG_IDENTIFIER=windlass-scheduler", "+",
                 "SYSLOG_IDENTIFIER=windlass-api", "+", "SYSLOG_IDENTIFIER=windlass-worker", check=False)
    errors = [line for line in errors.splitlines() if line and not line.startswith("-- ")]
    errors = [line for line in errors if not (meant["exit-code"] and "no job can be run any more" in line)]
    expect(not wrong and not errors, "\n".join(wrong + errors))
    kernel = run("journalctl", "-b", "-k", "-p", "crit", "--no-pager", "-o", "cat", check=False)
    expect("BUG" not in kernel and "Oops" not in kernel, kernel)
    failed = run("systemctl", "--failed", "--no-legend", check=False)
    expect(not failed, failed)
    return f"{len(text.splitlines())} lines of the three units; no error but the {meant.total()} ends that were meant"


def after_the_reboot():
    wait_until_active()
    found = site().job(BOOTED.read_text()).result(check=False)
    expect(found.stdout == "kept\n", found.raw)
    echo("after the reboot")
    return "all three units came up by themselves, the results of before are there, a job runs"


FIRST_BOOT = [
    ("the machine has booted", the_machine), ("install", the_packages_are_installed), ("a job", a_job),
    ("a limit of memory", memory_limit), ("a limit of processes", process_limit), ("a limit of processor time", cpu_limit),
    ("samples of a running job", samples), ("network: full", network), ("each unit killed", killed), ("the worker killed below jobs", killed_below_jobs),
    ("the boxes killed", the_boxes_are_killed), ("each unit frozen, the worker below jobs", watchdog),
    ("restarts below a job", restarts_below_a_job), ("drain", drain), ("upgrade below jobs", upgrade), ("journal", journal)]
SECOND_BOOT = [("reboot", the_machine), ("the site after the reboot", after_the_reboot), ("journal after the reboot", journal)]


def main():
    for name, step in SECOND_BOOT if BOOTED.exists() else FIRST_BOOT:
        begin = time.monotonic()
        try:
            seen = step()
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            print(run("journalctl", "-b", "--no-pager", "-n", "60", "-o", "short-monotonic", check=False))
            print(f"STEP {time.monotonic() - begin:8.1f}  {name}  |  FAILED", flush=True)
            print("RESULT bad", flush=True)
            return run("systemctl", "poweroff", "--force", "--force")
        print(f"STEP {time.monotonic() - begin:8.1f}  {name}  |  {seen}", flush=True)
    if BOOTED.exists():
        print("RESULT good", flush=True)
        return run("systemctl", "poweroff", "--no-block")
    job = site().submit("echo kept")
    result_of(job)
    BOOTED.write_text(str(job.id))
    return run("systemctl", "reboot", "--no-block")


if __name__ == "__main__":
    main()
