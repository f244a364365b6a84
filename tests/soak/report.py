"""The figures of a run: what docs/reliability.md tells. They are shown, never judged."""

import json


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def spread(values):
    return {"n": len(values), "p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values, default=None)}


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def figures(site, people, doing, log, begin, over, directory):
    acknowledged, refused, statuses = [], 0, {}
    for line in lines(directory / "clients.jsonl"):
        if line["what"] == "answered" and line.get("op") in ("submit", "probe"):
            statuses[line["status"]] = statuses.get(line["status"], 0) + 1
            if line["status"] == 200:
                acknowledged.append((line["asked"], line["at"]))
    acknowledged.sort()
    use, unit = {}, {}
    for line in lines(directory / "operator.jsonl"):
        if "use" in line:
            first = use.setdefault(line["use"], {"kib": [], "descriptors": []})
            first["kib"].append(line["kib"])
            first["descriptors"].append(line["descriptors"])
        if "stood_still" in line:
            unit["longest the machine stood still"] = max(unit.get("longest the machine stood still", 0), line["stood_still"])

    def first_answer_after(moment):
        """From the moment to the first acknowledgement of a submit that was asked for after it."""
        times = [done for asked, done in acknowledged if moment <= asked <= moment + 120]
        return min(times) - moment if times else None

    took_over = {}
    for kind, done in doing.done.items():
        times = [one for one in (first_answer_after(started) for started, _, _ in done) if one is not None]
        took_over[kind] = spread([round(one, 3) for one in times])
    noticed = {}
    for kind in ("kill_worker", "kill_spawner", "pause_node"):
        for started, _, target in doing.done.get(kind, []):
            name = site.daemons[target].environment["WINDLASS_WORKER_NAME"]
            # What it held then. It may come back before its leases are over, and says so; then they are not waited for.
            held = [one for one in log["requeues"] if log["leased to"].get(one[1:]) == name and log["leased at"][one[1:]] < started < one[0]]
            lost = [at - started for at, _, _ in held]
            if lost:
                noticed.setdefault(kind, []).append(round(max(lost), 3))
    ends = [at for at in log["ends"] if begin <= at <= over]
    windows = [0] * max(1, int((over - begin) // 5))
    for at in ends:
        windows[min(len(windows) - 1, int((at - begin) // 5))] += 1
    return {
        **unit,
        "faults": {kind: len(done) for kind, done in sorted(doing.done.items())},
        "not here": doing.not_here,
        "answered again after": took_over,
        "lost worker noticed after": {kind: spread(times) for kind, times in noticed.items()},
        "jobs": log["jobs"],
        "attempts": log["attempts"],
        "handed out again": log["handed out again"],
        "went on under the next worker": sum(
            path.read_text(errors="replace").count("of the former worker goes on") for path in directory.glob("worker-*.log")
        ),
        "epochs": log["epochs"],
        "events": log["events"],
        "states": log["states"],
        "submits by status": statuses,
        "jobs ended per second": {"mean": round(len(ends) / max(1, over - begin), 1), "lowest in 5 s": min(windows) / 5, "median": quantile(windows, 0.5) / 5},
        "use": {
            name: {
                "MiB": [one["kib"][0] >> 10, max(one["kib"]) >> 10, one["kib"][-1] >> 10],
                "descriptors": [one["descriptors"][0], max(one["descriptors"]), one["descriptors"][-1]],
            }
            for name, one in sorted(use.items())
        },
    }


def show(figures, doing):
    if not figures:
        return
    print("faults: " + ", ".join(f"{kind} {n}" for kind, n in figures["faults"].items()))
    for kind, reason in figures["not here"].items():
        print(f"not here: {kind}: {reason}")
    print(f"jobs {figures['jobs']}, attempts {figures['attempts']}, handed out again {figures['handed out again']}, went on under the next worker {figures['went on under the next worker']}, epochs {figures['epochs']}, states {figures['states']}")
    print(f"submits by status {figures['submits by status']}, ended per second {figures['jobs ended per second']}")
    for kind, one in figures["answered again after"].items():
        print(f"  first submit acknowledged after {kind}: {one}")
    for kind, one in figures["lost worker noticed after"].items():
        print(f"  jobs handed out again after {kind}: {one}")
    for name, one in figures["use"].items():
        print(f"  {name}: MiB first, most, last {one['MiB']}; descriptors {one['descriptors']}")
