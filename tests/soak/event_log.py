"""Judges a run by the event log in the database: what the scheduler made durable, with the stamps of soak.stamp, which the
database itself put on every event (its own time, the epoch, and whose connection wrote it)."""

FINAL = "(4, 8, 9, 10, 11)"  # shared/job_state.h: finish, cancel, give_up, expire, settle
LEASE, REQUEUE, REQUEST_CANCEL = 2, 6, 7

# What must be empty. Each row that is not is a breach.
NOTHING = {
    "I1: a job has no state": "select j.id from job j left join job_now s on s.id = j.id where s.id is null",
    "I2: more or less than one final event": f"select s.id, count(e.job) from job_now s left join job_event e on e.job = s.id "
    f"and e.move in {FINAL} group by s.id having count(e.job) <> 1",
    "I2: an event follows the final one": f"select e.job, e.seq from job_event e join job_event f on f.job = e.job and f.seq > e.seq "
    f"where e.move in {FINAL}",
    "I2: the last event is not of the state of the job": "select s.id, s.state, e.state from job_now s join job_event e on e.job = s.id "
    "and e.seq = s.event_seq where e.state <> s.state",
    "I2: events are not numbered without a gap": "select job, count(*), max(seq) from job_event group by job having count(*) <> max(seq) "
    "or min(seq) <> 1",
    "I3: a job that succeeded has no result of its last attempt": "select s.id from job_now s where s.state = 4 and not exists "
    "(select 1 from attempt_result r where r.job = s.id and r.attempt = s.attempt) and not exists (select 1 from job_array a where a.id = s.id)",
    "I3: a result of an attempt that never was": "select r.job, r.attempt from attempt_result r where not exists (select 1 from job_event e "
    f"where e.job = r.job and e.attempt = r.attempt and e.move = {LEASE})",
    "I4: attempts are not numbered one after the other": f"select job, seq, attempt from (select job, seq, attempt, row_number() over "
    f"(partition by job order by seq) as n from job_event where move = {LEASE}) l where attempt <> n",
    "I4: a lease while another one holds": "select job, seq, move, before from (select job, seq, move, lag(state) over "
    f"(partition by job order by seq) as before from job_event) e where move = {LEASE} and before <> 1",
    "I4: a lease earlier than the end of the one before, by the database's clock": "select job, seq from (select job, seq, move, at_s, lag(at_s) over "
    f"(partition by job order by seq) as before from soak.stamp) s where move = {LEASE} and at_s < before",
    "I6: an epoch fell": "select n, epoch from (select n, epoch, max(epoch) over (order by n rows between unbounded preceding and 1 preceding) "
    "as before from soak.stamp) s where epoch < before",
    "I6: two schedulers wrote in one epoch": "select epoch, count(distinct writer) from soak.stamp group by epoch having count(distinct writer) > 1",
    "I6: somebody else wrote events": "select distinct writer from soak.stamp where writer is null or writer not like 'scheduler-%'",
    "I6: an event has no stamp": "select e.job, e.seq from job_event e left join soak.stamp s on s.job = e.job and s.seq = e.seq "
    "where s.n is null and (e.job, e.seq) <> (0, 0)",
    "I7: two jobs of one idempotency key": "select account, key, count(*) from (select account, key, first_job from idempotency_key "
    "where first_job is not null group by 1, 2, 3) k group by account, key having count(*) > 1",
    "I7: two keys gave the same job": "select first_job, count(*) from idempotency_key where first_job is not null group by first_job "
    "having count(*) > 1",
    "I8: a worker still holds a job": "select id, worker from job_state where worker is not null",
    "I8: an array does not add up": "select id from job_array where succeeded + failed + timed_out + cancelled + lost <> count",
    "I9: a job succeeded after its cancellation was acknowledged": f"select e.job from job_event e join job_now s on s.id = e.job "
    f"where e.move = {REQUEST_CANCEL} and s.state = 4",
    "I10: two runs of one planned moment": "select schedule, planned_us, count(*) from job where schedule is not null and planned_us is not null "
    "group by schedule, planned_us having count(*) > 1",
    "I11: a job has not ended": "select id, state from job_now where state < 4",
}


def breaches(database):
    found = []
    for what, query in NOTHING.items():
        rows = database.rows(f"select * from ({query}) breach limit 10")
        found += [f"{what}: {row}" for row in rows]
    return found


def numbers(database, wall_minus_monotonic):
    """What docs/reliability.md tells, from the same log. Times are made monotonic."""
    one = lambda query: database.rows(query)[0][0]  # noqa: E731
    stamps = [
        (float(at) - wall_minus_monotonic, job, attempt, move)
        for at, job, attempt, move in database.rows(
            f"select at_s, job, attempt, move from soak.stamp where move in {FINAL} or move in ({LEASE}, {REQUEUE}) order by n"
        )
    ]
    return {
        "jobs": one("select count(*) from job_now"),
        "events": one("select count(*) from job_event"),
        "attempts": one(f"select count(*) from job_event where move = {LEASE}"),
        "handed out again": one(f"select count(*) from job_event where move = {REQUEUE}"),
        "epochs": one("select count(distinct epoch) from soak.stamp"),
        "ends": [at for at, _, _, move in stamps if move not in (LEASE, REQUEUE)],
        "leased at": {(job, attempt): at for at, job, attempt, move in stamps if move == LEASE},
        "requeues": [(at, job, attempt) for at, job, attempt, move in stamps if move == REQUEUE],
        "leased to": {
            (job, attempt): worker
            for job, attempt, worker in database.rows(
                f"select e.job, e.attempt, w.name from job_event e join worker w on w.id = e.worker where e.move = {LEASE}"
            )
        },
        "states": dict(database.rows("select state, count(*) from job_now group by state order by state")),
    }


# What each question above must notice: done to a real run's tables in a transaction that is rolled back. A question that
# notices nothing proves nothing.
SABOTAGE = {
    "I1: a job has no state": "delete from job_state where id = {job}; delete from job_past where id = {job}",
    "I2: more or less than one final event": f"delete from job_event where job = {{job}} and move in {FINAL}",
    "I2: an event follows the final one": "insert into job_event select job, seq + 100, at_us, 3, 3, attempt, worker, detail from job_event where job = {job} and move = 4",
    "I2: the last event is not of the state of the job": "update job_event set state = 5 where job = {job} and move = 4",
    "I2: events are not numbered without a gap": "update job_event set seq = seq + 1 where job = {job} and move = 4",
    "I3: a job that succeeded has no result of its last attempt": "delete from attempt_result where job = {job}",
    "I3: a result of an attempt that never was": "update attempt_result set attempt = attempt + 7 where job = {job}",
    "I4: attempts are not numbered one after the other": f"update job_event set attempt = attempt + 1 where job = {{job}} and move = {LEASE}",
    "I4: a lease while another one holds": f"update job_event set state = 3 where job = {{job}} and move < {LEASE}",
    "I4: a lease earlier than the end of the one before, by the database's clock": f"update soak.stamp set at_s = at_s - 9999 where job = {{job}} and move = {LEASE}",
    "I6: an epoch fell": "update soak.stamp set epoch = 0 where job = {job} and move = 4",
    "I6: two schedulers wrote in one epoch": "update soak.stamp set writer = 'scheduler-x' where job = {job} and move = 4",
    "I6: somebody else wrote events": "update soak.stamp set writer = null where job = {job}",
    "I6: an event has no stamp": "delete from soak.stamp where job = {job} and move = 4",
    "I7: two jobs of one idempotency key": "insert into idempotency_key select account, route || 'x', key, body_sha256, created_us, first_job + 1, job_count, status, answer from idempotency_key where first_job is not null limit 1",
    "I7: two keys gave the same job": "insert into idempotency_key select account, route, key || 'x', body_sha256, created_us, first_job, job_count, status, answer from idempotency_key where first_job is not null limit 1",
    "I8: a worker still holds a job": "insert into job_state values (1, 3, 1, 0, 0, 1, 0, null, null, 1, null, 1)",
    "I8: an array does not add up": "insert into job_array values (1, 5, 5, null, 4, 0, 0, 0, 0)",
    "I9: a job succeeded after its cancellation was acknowledged": f"update job_event set move = {REQUEST_CANCEL} where job = {{job}} and move = 3",
    "I10: two runs of one planned moment": "drop index job_planned; update job set schedule = 1, planned_us = 1 where id in (select id from job limit 2)",
    "I11: a job has not ended": "insert into job_state values (1, 1, 0, 0, 0, null, 0, null, null, 1, null, 1)",
}


def blind_questions(database):
    """Those that do not see what they are there to see. Needs a job, and no member of an array (which has no row of its own
    in job), that was leased once, ran and succeeded."""
    found = database.rows(
        f"select job from job_event where job in (select id from job) group by job having count(*) filter (where move = {LEASE}) = 1 "
        f"and count(*) filter (where move = 4 and state = 4) = 1 and count(*) filter (where move = 3) = 1 and min(seq) = 1 limit 1"
    )
    if not found:
        return []
    blind = [what for what in NOTHING if what not in SABOTAGE]
    for what, deed in SABOTAGE.items():
        deed = deed.replace("{job}", str(found[0][0]))
        query = f"select 'seen' from ({NOTHING[what]}) breach limit 1"
        try:
            said = database.rows(f"begin; alter table job_event disable trigger soak_stamp; {deed}; {query}; rollback")
        except AssertionError as error:
            said = []
            what = f"{what} ({error})"
        if ("seen",) not in said:
            blind.append(what)
    return blind
