"""PostgreSQL is away when the daemons start, as after a power cut: they wait for it, and none has to be started again."""

import pathlib
import shutil
import signal
import tempfile
import unittest

import harness
from daemon import Daemon


class DatabaseAway(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="windlass-away-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.database = harness.PostgreSQL(self.directory)
        self.addCleanup(self.database.close)
        self.credentials = pathlib.Path(self.directory) / "credentials"
        self.credentials.mkdir(mode=0o700)
        common = {
            "WINDLASS_DATABASE_URL": self.database.url,
            "WINDLASS_SCHEDULER_LISTEN": f"unix:{self.directory}/scheduler.sock",
        }
        self.scheduler = Daemon("scheduler", "scheduler", self.directory, common)
        self.api = Daemon(
            "api",
            "api",
            self.directory,
            {
                **common,
                "WINDLASS_API_LISTEN": "127.0.0.1:0",
                "WINDLASS_API_CREDENTIALS_DIRECTORY": str(self.credentials),
            },
        )
        for daemon in (self.scheduler, self.api):
            self.addCleanup(daemon.stop)

    def submit(self):
        url = self.api.wait_said(r"listening on (http://\S+)")[1]
        self.api.wait_said("connected to the scheduler")
        return harness.Client(url, (self.credentials / "admin.token").read_text().strip()).submit("true")

    def test_daemons_that_start_before_their_database_wait_for_it(self):
        self.database.kill()
        for daemon in (self.scheduler, self.api):
            daemon.start().wait_said("waiting to open the database: ")
        self.database.start()
        self.assertTrue(self.submit())
        # Again, with tables and an admin that are there already.
        self.api.kill()
        self.database.kill()
        self.api.start().wait_said("waiting to open the database: ")
        self.database.start()
        self.assertTrue(self.submit())
        self.assertTrue(self.scheduler.runs(), self.scheduler.tail())

    def test_a_daemon_that_waits_ends_when_it_is_told_to(self):
        self.database.kill()
        for daemon in (self.scheduler, self.api):
            daemon.start().wait_said("waiting to open the database")
            daemon.process.terminate()
            self.assertEqual(daemon.process.wait(harness.PATIENCE), -signal.SIGTERM)

    def test_what_waiting_does_not_mend_ends_it_with_the_reason(self):
        self.api.environment["WINDLASS_DATABASE_URL"] = self.database.url.replace("/windlass?", "/nowhere?")
        self.assertEqual(self.api.start().process.wait(harness.PATIENCE), 1)
        self.assertTrue(self.api.said('database "nowhere" does not exist'), self.api.tail())


if __name__ == "__main__":
    harness.main()
