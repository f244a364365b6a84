"""Writes sql/fixtures/VERSION.sqlite.sql and .postgresql.sql: a small site as this build leaves it, for the test that later
builds bring it up to date. Run once for each release, and never again for it:

    WINDLASS_BIN=build/release/bin python3 tests/end_to_end/release_fixture.py 0.1.0
"""

import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile

import harness
import pictures

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "sql" / "fixtures"


def live(site):
    """Something in as many tables as a few calls reach."""
    admin = site.admin()

    def good(answer):
        if answer.status >= 300:
            raise AssertionError(f"{answer}")
        return answer.json if answer.body.startswith((b"{", b"[")) else None

    good(admin.post("/api/users/create/", {
        "name": "Ada", "username": "ada", "email": "ada@example.org", "company": "Example", "password": "notes of 1843"}))
    ada = harness.Client(site.url)
    login = good(ada.post("/api/users/authenticate/", {"username": "ada", "password": "notes of 1843"}))
    ada.token = login["token"]
    good(ada.post("/api/tokens/", {"label": "nightly"}))
    first = ada.submit("cat data; mkdir -p out; echo 7 > out/seven; sleep 1", data="text\n", tags=["night"], name="first")
    ada.submit("true", after=[{"job": first, "when": "ok"}])
    array = good(ada.post("/api/jobs/submit/", {"code": "", "data": "", "running_commands": "true", "array": [{"N": "1"}, {"N": "2"}]},
                          headers={"Idempotency-Key": "a key"}))["id"]
    failed = ada.submit("exit 3")
    for job in (first, array, failed):
        ada.wait(job)
    good(ada.post("/api/schedules/", {"name": "nightly", "cron": "30 4 * * *", "time_zone": "UTC",
                                      "job": {"code": "", "data": "", "running_commands": "true"}}))
    good(admin.ask("PUT", "/api/queues/slow/", {"weight": 0.5}))
    good(admin.ask("PUT", f"/api/quotas/user:ada/", {"queued": 1000}))
    boundary = "fixture"
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n').encode() \
        + pictures.png(8, 8) + f"\r\n--{boundary}--\r\n".encode()
    good(ada.ask("POST", "/api/user/images/", body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}))
    good(admin.ask("PUT", "/api/job_start", {"Id": 77, "UserName": "ada", "ClusterId": "c", "NumNodes": 1, "NodeList": "n1", "StartTime": 1, "IsRunning": True}))
    # What waits and what has just been begun are part of a site, too.
    ada.submit("true", not_before="2099-01-01T00:00:00Z")
    ada.submit("sleep 600")


def dump_sqlite(database):
    with sqlite3.connect(f"file:{database.file}?mode=ro", uri=True) as connection:
        return "\n".join(line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")) + "\n"


def dump_postgresql(database):
    text = database.run("pg_dump", "--inserts", "--no-owner", "--no-privileges", "-h", database.directory, "-U", database.role, "windlass")
    # Settings of a session outlive the script; what begins with a backslash is for psql alone.
    return "".join(line + "\n" for line in text.splitlines() if not re.match(r"\\|SET |SELECT pg_catalog.set_config|--|$", line))


def main():
    FIXTURES.mkdir(exist_ok=True)
    for make, dump, name in ((harness.Sqlite, dump_sqlite, "sqlite"), (harness.PostgreSQL, dump_postgresql, "postgresql")):
        directory = tempfile.mkdtemp(prefix="windlass-fixture-")
        database = make(directory)
        site = harness.Dev(pathlib.Path(directory) / "data", database=database.url)
        try:
            site.wait_ready()
            live(site)
            site.stop()
            text = dump(database)
        finally:
            site.stop()
            database.close()
            shutil.rmtree(directory, ignore_errors=True)
        (FIXTURES / f"{sys.argv[1]}.{name}.sql").write_text(text)
        print(f"{name}: {len(text)} bytes")


if __name__ == "__main__":
    main()
