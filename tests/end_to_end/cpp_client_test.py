"""The C++ client in one header against a real server: its tests, and the example, as a reader would compile it."""

import os
import subprocess
import unittest

import harness


class CppClient(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    def run_program(self, name):
        token = (self.dev.data / "admin.token").read_text().strip()
        environment = {**os.environ, "WINDLASS_URL": self.dev.url, "WINDLASS_TOKEN": token}
        done = subprocess.run(
            [str(harness.BIN / name)], env=environment, capture_output=True, text=True, timeout=150, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_client_does_what_its_header_says(self):
        self.assertIn("[  PASSED  ]", self.run_program("cpp_client_test"))

    def test_the_example_prints_what_it_should(self):
        self.assertEqual(self.run_program("example_first_job"), "      1 a\n      2 b\n9\n16\n")


if __name__ == "__main__":
    harness.main()
