"""What scripts/boot does inside of its machine. Runs as root once after each boot; says every step as it ends:

    STEP   seconds  what was tried  |  what was seen
    RESULT good | bad

Everything is waited for, with a patience that only something broken exceeds: the processor may be emulated, at a tenth of its speed.
"""
import csv
import io
import json
import os
import pathlib
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
    memory, processes = points("mem_used"), points("processes")
    usual = sorted(cpu)[len(cpu) // 2]  # the first one is over a moment, in which an emulated clock may jump
    expect(0.2 < usual < 1.5, f"cores: {cpu}")
    expect(max(memory) > 45e6, f"bytes of memory: {memory}")
    expect(max(processes) >= 1, f"processes: {processes}")
    return f"{len(cpu)} of them; {usual:.2f} cores, {max(memory) / 1e6:.0f} MB, {max(processes):.0f} processes"


def killed():
    seen = []
    for service in SERVICES:
        before = active_pid(service)
        begin = time.monotonic()
        os.kill(before, 9)
        until(f"{service} to be started again", lambda: active_pid(service) not in (None, before))
        seen.append(f"{service} is back after {time.monotonic() - begin:.1f} s")
        echo("again")
    return "; ".join(seen)


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
        begin = time.monotonic()
        os.kill(pids[service], 19)  # SIGSTOP
        until(f"{service} to be started again", lambda: active_pid(service) not in (None, pids[service]))
        expect("Failed with result 'watchdog'" in run("journalctl", "-b", f"-u{service}", "-o", "cat"), f"{service}: another reason")
        seen.append(f"{service} is back after {time.monotonic() - begin:.0f} s")
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
    jobs = [site().submit("sleep 5; echo done") for _ in range(4)]
    before = wait_until_active()
    version = install("new")
    after = wait_until_active()
    expect(not set(before.values()) & set(after.values()), "an old program still runs")
    expect(pathlib.Path("/etc/windlass/windlass.toml").read_text().endswith("# ours\n"), "the configuration was overwritten")
    for job in jobs:
        found = result_of(job)
        expect((found.outcome, found.stdout) == ("exited", "done\n"), found.raw)
    return f"to {version}, under {len(jobs)} jobs: all of them ended well, the changed configuration was kept"


def journal():
    text = run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", *[f"-u{s}" for s in SERVICES])
    killings = text.count("Failed with result 'signal'"), text.count("Failed with result 'watchdog'")
    expect(killings == (3, 3) or BOOTED.exists() and killings == (0, 0), f"killed and timed out: {killings}\n{text}")
    expect(text.count("Failed with result") == sum(killings), text)
    wrong = [line for line in text.splitlines() for word in ("left-over process", "Failed to ", "Unknown ", "timed out") if word in line]
    errors = run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", "-p", "err", "SYSLOG_IDENTIFIER=windlass-scheduler", "+",
                 "SYSLOG_IDENTIFIER=windlass-api", "+", "SYSLOG_IDENTIFIER=windlass-worker", check=False)
    errors = [line for line in errors.splitlines() if line and not line.startswith("-- ")]
    expect(not wrong and not errors, "\n".join(wrong + errors))
    kernel = run("journalctl", "-b", "-k", "-p", "crit", "--no-pager", "-o", "cat", check=False)
    expect("BUG" not in kernel and "Oops" not in kernel, kernel)
    failed = run("systemctl", "--failed", "--no-legend", check=False)
    expect(not failed, failed)
    return f"{len(text.splitlines())} lines of the three units; no error but the {sum(killings)} ends that were meant"


def after_the_reboot():
    wait_until_active()
    found = site().job(BOOTED.read_text()).result(check=False)
    expect(found.stdout == "kept\n", found.raw)
    echo("after the reboot")
    return "all three units came up by themselves, the results of before are there, a job runs"


FIRST_BOOT = [
    ("the machine has booted", the_machine), ("install", the_packages_are_installed), ("a job", a_job),
    ("a limit of memory", memory_limit), ("a limit of processes", process_limit), ("a limit of processor time", cpu_limit),
    ("samples of a running job", samples), ("each unit killed", killed), ("each unit frozen", watchdog),
    ("restarts below a job", restarts_below_a_job), ("drain", drain), ("upgrade", upgrade), ("journal", journal)]
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
