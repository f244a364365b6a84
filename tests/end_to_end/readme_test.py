"""README's curl session, run as it would be pasted: in one shell, line by line, against a fresh server."""

import re
import subprocess
import unittest

import harness


def shell_blocks(text):
    """The fenced blocks of README that are marked ```sh session."""
    return re.findall(r"^```sh session\n(.*?)^```", text, re.M | re.S)


class ReadmeTest(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    def test_the_session_works_as_pasted(self):
        blocks = shell_blocks((harness.SOURCE / "README.md").read_text())
        self.assertTrue(blocks, "README has a session")
        script = "\n".join(blocks)
        self.assertIn("http://127.0.0.1:8080", script)
        # The server of a test listens elsewhere than the one in the text; nothing else is changed.
        script = script.replace("http://127.0.0.1:8080", self.dev.url)
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            cwd=self.directory,
            env={"PATH": f"{harness.BIN}:/usr/bin:/bin", "HOME": self.directory},
            check=False,
        )
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn('"status":4', done.stdout.replace(" ", ""), done)
        for expected in ('"token"', '"status":"succeeded"', '"exit_code":0', '"stdout"', "apples 7"):
            self.assertIn(expected, done.stdout, done)

    def test_every_file_that_readme_names_is_there(self):
        text = (harness.SOURCE / "README.md").read_text()
        named = set(
            re.findall(
                r"`((?:shared|scheduler|worker|api|cli|sql|tests|bench|docs|scripts)/[\w./-]+\.(?:h|cpp|md|sql|txt|py|cmake))`",
                text,
            )
        )
        self.assertGreater(len(named), 5)
        self.assertEqual([name for name in sorted(named) if not (harness.SOURCE / name).exists()], [])

    def test_the_table_of_settings_is_that_of_the_programs(self):
        printed = subprocess.run(
            [str(harness.BIN / "windlass-scheduler"), "--print-settings"], capture_output=True, text=True, check=True
        ).stdout
        self.assertGreater(len(printed.splitlines()), 20)
        self.assertIn(
            "|---|---|---|---|---|\n" + printed,
            (harness.SOURCE / "docs/configuration.md").read_text(),
            "run windlass-scheduler --print-settings and put it into docs/configuration.md",
        )


if __name__ == "__main__":
    harness.main()
