"""How each kind of fault of plan.py is done, and undone. All of it to our own processes, by their ids.

A fault is a generator: what comes before its `yield` does it, what comes after undoes it, `hold_s` later. It says whom it
will end (`excuse`). One that cannot be done here (no memory cgroup, no libfaketime) says why, once, and is not counted.
"""

import contextlib
import os
import pathlib
import random
import resource
import signal
import subprocess
import threading
import time

import harness

import plan
import cluster


class NotHere(Exception):
    """This machine cannot do it."""


class Faults:
    def __init__(self, site, traffic, operator):
        self.site, self.traffic, self.operator = site, traffic, operator
        self.busy, self.free = set(), threading.Condition()
        self.done, self.not_here, self.running = {}, {}, []
        self.failed = []

    # ---- one after the other

    def run_until(self, end, seed, kinds, most):
        for fault in plan.plan(seed, kinds):
            if time.monotonic() >= end or fault.number > most or self.failed:
                break
            if fault.kind in self.not_here:
                continue
            needed = self.needed(fault)
            with self.free:
                if not self.free.wait_for(lambda: not needed & self.busy or time.monotonic() >= end, max(0.1, end - time.monotonic())):
                    break
                if needed & self.busy:
                    break
                self.busy |= needed
            thread = threading.Thread(target=self.do, args=(fault, needed), daemon=True)
            self.running.append(thread)
            thread.start()
            time.sleep(min(fault.gap_s, max(0, end - time.monotonic())))
        for thread in self.running:
            thread.join()

    def needed(self, fault):
        if fault.target in ("leader", "standby"):
            return set(plan.SCHEDULERS)
        if fault.target == "everything":
            return {*plan.SCHEDULERS, *plan.APIS, *plan.WORKERS, "database"}
        return {fault.target}

    def do(self, fault, needed):
        try:
            target = fault.target
            if target in ("leader", "standby"):
                leader = harness.until(self.site.leader, "a scheduler leads", 300)
                target = leader if target == "leader" else next(s for s in plan.SCHEDULERS if s != leader)
            steps = getattr(self, fault.kind)(target, random.Random(fault.chance))
            self.operator.write(fault=fault.number, kind=fault.kind, target=target, hold_s=fault.hold_s)
            begin = time.monotonic()
            try:
                next(steps)
            except NotHere as reason:
                self.not_here[fault.kind] = str(reason)
                self.operator.write(fault=fault.number, not_here=str(reason))
                return
            time.sleep(fault.hold_s)
            next(steps, None)
            self.done.setdefault(fault.kind, []).append((begin, time.monotonic(), target))
            self.operator.write(fault=fault.number, over=True)
        except Exception as error:  # the harness is wrong then, and must not go on as if it had done it
            self.failed.append(f"{fault}: {error!r}")
            raise
        finally:
            with self.free:
                self.busy -= needed
                self.free.notify_all()

    # ---- daemons

    @contextlib.contextmanager
    def excused(self, name, why):
        with self.site.lock:
            daemon = self.site.daemons[name]
            daemon.excuse = why
            yield daemon

    def end(self, name, number, why, stay_away=False):
        with self.excused(name, why) as daemon:
            daemon.held_down = stay_away
            daemon.send(number)

    def back(self, name):
        self.site.daemons[name].held_down = False

    def runs_again(self, name, old):
        daemon = self.site.daemons[name]
        harness.until(lambda: daemon.runs() and daemon.pid != old, f"{name} is started again", 300)
        daemon.excuse = None

    def kill(self, name, chance):
        old = self.site.daemons[name].pid
        self.end(name, signal.SIGKILL, "kill -9", stay_away=True)
        yield
        self.back(name)
        self.runs_again(name, old)

    kill_leader = kill_standby = kill_api = kill_worker = kill

    def spawners_of(self, name):
        """The spawner and its guard. One that was taken over is no child of its worker: it has the door in its directory."""
        below = [one for one in harness.descendants_of(self.site.daemons[name].pid) if program_of(one) == "windlass-spawner"]
        return below or holders_of_socket(self.site.directory / name / "sandbox" / "spawner", "windlass-spawner")

    def kill_spawner(self, name, chance):
        old = self.site.daemons[name].pid
        with self.excused(name, "its spawner was killed"):
            pid = next(iter(self.spawners_of(name)), None)
            if pid:
                os.kill(pid, signal.SIGKILL)
        if pid:
            self.runs_again(name, old)
        yield

    def stop(self, name, chance):
        old = self.site.daemons[name].pid
        self.end(name, signal.SIGTERM, "SIGTERM")
        self.runs_again(name, old)
        yield

    stop_leader = stop_api = stop_worker = stop

    def freeze(self, name, chance):
        daemon = self.site.daemons[name]
        pid = daemon.pid
        os.kill(pid, signal.SIGSTOP)
        self.operator.write(paused=name)
        yield
        if not harness.has_ended(pid):
            os.kill(pid, signal.SIGCONT)
        self.operator.write(resumed=name)

    freeze_leader = freeze_standby = freeze_api = freeze_worker = freeze

    def pause_node(self, name, chance):
        """Everything of the worker, its jobs too, as a virtual machine is paused: for longer than a lease lasts."""
        pid = self.site.daemons[name].pid
        self.operator.write(paused=name)
        frozen = []
        for _ in range(3):  # what was born between two looks
            spawners = [one for spawner in self.spawners_of(name) for one in (spawner, *harness.descendants_of(spawner))]
            for one in [pid, *harness.descendants_of(pid), *spawners]:
                if one not in frozen:
                    frozen.append(one)
                    signal_to(one, signal.SIGSTOP)
        yield
        for one in frozen:  # the worker first: it looks at the clock before anything else
            signal_to(one, signal.SIGCONT)
        self.operator.write(resumed=name)

    def depose_leader(self, name, chance):
        """Somebody raises the epoch by hand: whoever led must find out by itself, and end."""
        self.site.database.try_rows("update scheduler_epoch set epoch = epoch + 1")
        yield

    def rolling_restart(self, _, chance):
        names = [*plan.WORKERS, *plan.APIS, *plan.SCHEDULERS]
        chance.shuffle(names)
        for name in names:
            old = self.site.daemons[name].pid
            self.end(name, signal.SIGTERM, "rolling restart")
            self.runs_again(name, old)
        yield

    # ---- PostgreSQL

    def postgres_restart(self, number):
        with self.site.database.asked:
            self.site.database.leave(number)
        yield
        self.site.database.start()

    def postgres_fast_restart(self, _, chance):
        return self.postgres_restart(signal.SIGINT)

    def postgres_immediate_restart(self, _, chance):
        return self.postgres_restart(signal.SIGQUIT)

    def postgres_kill(self, _, chance):
        self.site.database.kill()
        yield
        self.site.database.start()

    def backends(self, what="true"):
        return self.site.database.try_rows(
            f"select pid from pg_stat_activity where application_name <> 'psql' and backend_type = 'client backend' and {what}"
        ) or []

    def postgres_backend_frozen(self, _, chance):
        pids = [row[0] for row in self.backends("application_name = 'windlass-scheduler'")]
        pid = chance.choice(sorted(pids)) if pids else None
        if pid:
            signal_to(pid, signal.SIGSTOP)
        yield
        if pid:
            signal_to(pid, signal.SIGCONT)

    def postgres_connections_ended(self, _, chance):
        self.site.database.try_rows(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name <> 'psql' "
            "and backend_type = 'client backend'"
        )
        yield

    def postgres_tables_locked(self, _, chance):
        """As a migration would."""
        table = chance.choice(["job_event", "job_state", "job", "attempt_result"])
        locker = subprocess.Popen(
            [str(self.site.database.bin / "psql"), "-h", str(self.site.database.directory), "-U", self.site.database.role, "-q", "windlass"],
            user=self.site.database.user, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )
        with contextlib.suppress(BrokenPipeError):
            locker.stdin.write(f"begin; lock table {table} in access exclusive mode;\n".encode())
            locker.stdin.flush()
        yield
        locker.communicate(b"rollback;\n")

    def postgres_disk_full(self, _, chance):
        disk = self.site.database.directory / "disk"
        resize(disk, chance.choice([0, 64 << 10]))
        yield
        resize(disk, None, self.site.database.size)
        if self.site.database.process.poll() is not None:  # it could not even recover: its service manager starts it
            self.site.database.start()
        harness.until(lambda: self.site.database.try_rows("select 1"), "PostgreSQL serves again", 300)
        if self.site.database.process.poll() is not None:
            self.site.database.start()

    # ---- the network

    def on_links(self, links, fault, undo=None):
        before = sum(self.site.order(do="count", link=link)["struck"] for link in links)
        for link in links:
            self.site.order(do="set", link=link, fault=fault)
        yield
        for link in links:
            self.site.order(do="set", link=link, fault={})
        after = sum(self.site.order(do="count", link=link)["struck"] for link in links)
        self.operator.write(struck=after - before, links=links)

    def commit_answer_lost(self, name, chance):
        return self.on_links([f"db {name}"], {"lose_commit": chance.randint(1, 3)})

    def database_cut(self, name, chance):
        return self.on_links([f"db {name}"], {"refuse": True})

    def database_delay(self, name, chance):
        least = chance.choice([2, 20, 100])
        return self.on_links([f"db {name}"], {"delay_ms": [least, 3 * least]})

    def database_swallows(self, name, chance):
        return self.on_links([f"db {name}"], {"swallow": chance.choice([["up"], ["down"], ["up", "down"]])})

    def network_cut(self, name, chance):
        return self.on_links(self.site.links_of(name), {"refuse": True})

    def network_delay(self, name, chance):
        least = chance.choice([10, 100, 500])
        return self.on_links(self.site.links_of(name), {"delay_ms": [least, 3 * least]})

    def network_loss(self, name, chance):
        return self.on_links(self.site.links_of(name), {"cut_each": [chance.choice([500, 5_000]), 50_000]})

    def network_one_way(self, name, chance):
        return self.on_links(self.site.links_of(name), {"swallow": [chance.choice(["up", "down"])]})

    def network_repeats(self, name, chance):
        repeat = {"lease": 20, "finished": 20, "started": 20, "output": 20, "renew": 5, "finish_acknowledged": 20,
                  "renewed": 5, "cancel": 5, "submit": 10, "cancel_jobs": 10, "submitted": 10, "watch": 10, "follow": 10}
        return self.on_links(self.site.links_of(name), {"repeat": repeat})

    # ---- what a machine runs out of

    def worker_disk_full(self, name, chance):
        disk = self.site.directory / name
        resize(disk, 0)
        yield
        resize(disk, None, "64m")

    def descriptors_out(self, name, chance):
        pid = self.site.daemons[name].pid
        try:
            old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            open_now = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + chance.choice([0, 1, 3]), old[1]))
        except (ProcessLookupError, FileNotFoundError):
            old = None
        # It may end for this (a scheduler that cannot open its database again): then it is started again.
        yield
        with contextlib.suppress(ProcessLookupError):
            if old and self.site.daemons[name].pid == pid:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, old)

    def clock_step(self, name, chance):
        if not self.site.has_faketime:
            raise NotHere("libfaketime is missing: apt-get install libfaketime")
        clock = self.site.directory / f"clock-{name}"
        replace(clock, f"{chance.choice([-3600, -300, 300, 3600]):+d}\n")
        yield
        replace(clock, "+0\n")

    def out_of_memory_daemon(self, name, chance):
        """The kernel's own killer, in a cgroup of its own with too little memory."""
        daemon = self.site.daemons[name]
        with self.excused(name, "out of memory"):
            pid = daemon.pid
            group = memory_group(f"windlass-soak-{os.urandom(4).hex()}")
            try:
                enter_small_group(group, pid)
            except NotHere:
                daemon.excuse = None
                remove_group(group)
                raise
            try:
                deadline = time.monotonic() + 3
                while not harness.has_ended(pid) and time.monotonic() < deadline:
                    time.sleep(0.02)
                if not harness.has_ended(pid):  # it asked for no memory so far: the killer's deed, without its reason
                    os.kill(pid, signal.SIGKILL)
                harness.until(lambda: harness.has_ended(pid), f"{name} has ended")
            finally:
                daemon.process.wait()
                remove_group(group)
        self.runs_again(name, pid)
        yield

    # ---- what jobs and people do

    def out_of_memory_job(self, _, chance):
        self.traffic.hostile(["memory"])
        yield

    def hostile_jobs(self, _, chance):
        self.traffic.hostile(["forks", "flood", "deaf", "crash", "memory"])
        yield

    def overload_burst(self, _, chance):
        self.traffic.burst(4, chance.randrange(10**6))
        yield


def resize(path, spare, size=None):
    """Leaves so many bytes of a tmpfs, or gives it its size back."""
    if size:
        return cluster.resize(path, size)
    for _ in range(100):  # it is written to meanwhile, and can never be smaller than what is in it
        try:
            return cluster.resize(path, cluster.used_bytes(path) + spare + 4096)
        except subprocess.CalledProcessError:
            spare += 4096
    raise NotHere(f"{path} is written to faster than it can be made small")


def replace(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def signal_to(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def holders_of_socket(path, program):
    with open("/proc/net/unix", encoding="utf-8") as file:
        inodes = {fields[6] for fields in map(str.split, file) if len(fields) == 8 and fields[7] == str(path)}
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if inodes and entry.name.isdigit() and program_of(int(entry.name)) == program:
            with contextlib.suppress(OSError):
                if any(os.readlink(one) in {f"socket:[{inode}]" for inode in inodes} for one in (entry / "fd").iterdir()):
                    found.append(int(entry.name))
    return sorted(found)


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[1].split(" ")[0]
    except OSError:
        return ""


def memory_group(name):
    for root in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        group = pathlib.Path(root) / name
        if (pathlib.Path(root) / "memory.limit_in_bytes").exists() or (
            root == "/sys/fs/cgroup" and "memory" in read(pathlib.Path(root) / "cgroup.subtree_control")
        ):
            try:
                group.mkdir()
                return group
            except OSError as error:
                raise NotHere(f"no memory cgroup can be made: {error}") from None
    raise NotHere("there is no memory controller of cgroups")


def enter_small_group(group, pid):
    try:
        for limit in ("memory.limit_in_bytes", "memory.max"):
            if (group / limit).exists():
                (group / limit).write_text(str(256 << 10))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        raise NotHere(f"no process can be put into a memory cgroup: {error}") from None


def remove_group(group):
    def removed():
        try:
            group.rmdir()
            return True
        except OSError:
            return False

    harness.until(removed, f"{group} is empty")


def read(path):
    try:
        return path.read_text()
    except OSError:
        return ""
