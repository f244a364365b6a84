"""What goes wrong, and in which order: the same seed gives the same plan, on every machine.

A plan is endless; how much of it a run gets to is a matter of time, and so of the machine. All kinds come once, in an
order of the seed's, then all again. What a fault does is in faults.py, under its name there.
"""

import dataclasses
import itertools
import random

SCHEDULERS, APIS, WORKERS = ("scheduler-a", "scheduler-b"), ("api-1", "api-2"), ("worker-1", "worker-2", "worker-3")
# Whose jobs outlive them. With the others everything ends that they ran.
ADOPTING = WORKERS[:2]

# kind: whom it strikes, how long it lasts in seconds (least, most). "leader" and "standby" are told apart when it comes
# to it; both schedulers are then left alone by other faults until it is over.
KINDS = {
    "kill_leader": (("leader",), (0, 2)),
    "kill_standby": (("standby",), (0, 2)),
    "kill_api": (APIS, (0, 2)),
    "kill_worker": (WORKERS, (0, 2)),
    "kill_spawner": (WORKERS, (0, 0)),
    "stop_leader": (("leader",), (0, 0)),
    "stop_api": (APIS, (0, 0)),
    "stop_worker": (WORKERS, (0, 0)),
    "freeze_leader": (("leader",), (1, 12)),
    "freeze_standby": (("standby",), (1, 5)),
    "freeze_api": (APIS, (1, 6)),
    "freeze_worker": (WORKERS, (1, 6)),
    "pause_node": (WORKERS, (22, 26)),
    "depose_leader": (("leader",), (0, 0)),
    "postgres_fast_restart": (("database",), (0, 2)),
    "postgres_immediate_restart": (("database",), (0, 2)),
    "postgres_kill": (("database",), (0, 3)),
    "postgres_backend_frozen": (("database",), (1, 7)),
    "postgres_connections_ended": (("database",), (0, 0)),
    "postgres_tables_locked": (("database",), (1, 3)),
    "postgres_disk_full": (("database",), (2, 4)),
    "commit_answer_lost": (SCHEDULERS, (1, 4)),
    "database_cut": (SCHEDULERS + APIS, (0, 5)),
    "database_delay": (SCHEDULERS + APIS, (2, 5)),
    "database_swallows": (SCHEDULERS, (1, 8)),
    "network_cut": (WORKERS + APIS, (0, 13)),
    "network_delay": (WORKERS + APIS, (2, 6)),
    "network_loss": (WORKERS + APIS, (2, 5)),
    "network_one_way": (WORKERS + APIS, (1, 13)),
    "network_repeats": (WORKERS + APIS, (2, 5)),
    "worker_disk_full": (WORKERS, (2, 6)),
    "descriptors_out": (APIS + SCHEDULERS + WORKERS, (1, 4)),
    "clock_step": (SCHEDULERS + APIS + WORKERS, (2, 6)),
    "out_of_memory_job": (("traffic",), (0, 0)),
    "out_of_memory_daemon": (APIS + WORKERS, (0, 2)),
    "hostile_jobs": (("traffic",), (0, 0)),
    "overload_burst": (("traffic",), (3, 6)),
    "rolling_restart": (("everything",), (0, 0)),
}


@dataclasses.dataclass(frozen=True)
class Fault:
    number: int
    kind: str
    target: str
    hold_s: float
    gap_s: float  # from its start to that of the next one, if that one's target is not struck still
    chance: int  # seed of whatever else it has to choose

    def __str__(self):
        return f"{self.number:4} {self.kind:28} {self.target:12} for {self.hold_s:5.2f} s, next after {self.gap_s:.2f} s"


def plan(seed, kinds=None):
    chosen = sorted(kinds or KINDS)
    chance = random.Random(f"soak {seed}")
    for number in itertools.count(1):
        place = (number - 1) % len(chosen)
        if place == 0:
            order = chance.sample(chosen, len(chosen))
        kind = order[place]
        targets, (least, most) = KINDS[kind]
        yield Fault(
            number,
            kind,
            chance.choice(targets),
            round(chance.uniform(least, most), 3),
            round(chance.uniform(1.0, 3.5), 3),
            chance.getrandbits(32),
        )
