"""Every command in README.md and docs/: run as it stands, or named here with the reason why not and what covers it.

A block that this file does not know fails the test: run it (mark it ```sh session=NAME, where NAME is a session below), put it
into ELSEWHERE, or let the block itself say which test runs it: ```sh covered=tests/end_to_end/NAME_test.py. Tools
of the tree (scripts/NAME, ctest, cmake) need only be there.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

# Blocks that are run: by the sessions below, by readme_test.py and by tutorial_test.py.
RUN = {
    "README.md": {"sh session"},
    "docs/tutorial.md": {"sh session=dev", "sh session=site", "sh settings", "sh daemon=listening on", "sh daemon=connected to the scheduler"},
    "docs/submitting.md": {"sh session=submit"},
    "docs/operating.md": {"sh session=operate", "sh session=init"},
}

# (document, first line of the block): why it is not run here, and which file covers it.
ELSEWHERE = {
    ("README.md", "build/release/bin/windlass dev"): ("stays until Ctrl-C", "tests/end_to_end/dev_test.py"),
    ("README.md", "windlass login --username ada --url http://127.0.0.1:8080"):
        ("asks for a password on a terminal", "tests/end_to_end/command_test.py"),
    ("README.md", "#!/usr/bin/env python3"): ("a script, no command", "tests/end_to_end/command_comfort_test.py"),
    ("README.md", "windlass run answer.py"): ("needs the script above it as a file", "tests/end_to_end/command_comfort_test.py"),
    ("README.md", "windlass submit --array 1000 --max-fails 10 -- './simulate --seed $WINDLASS_ARRAY_INDEX'   # one job, a thousand members"):
        ("an overview with ids and programs that the reader has", "tests/end_to_end/command_test.py"),
    ("README.md", "windlass login --username ada              # or on the site's pages, or by its OpenID Connect provider (/auth/oauth/login)"):
        ("asks for a password on a terminal; the rest is a session of operating.md", "tests/end_to_end/command_test.py"),
    ("docs/courses.md", "an admin:               curl -X PUT  …/v1/teacher/ada/"): ("who does what, shortened", "tests/end_to_end/courses_test.py"),
    ("docs/courses.md", "windlass teacher add ada"): ("an overview with numbers that the reader has", "tests/end_to_end/command_site_test.py"),
    ("docs/site-images.md", "# on a node, as the user the worker runs as (root under systemd)"):
        ("fetches from a registry; from files and a registry of the test's own", "tests/end_to_end/site_images_test.py"),
    ("docs/site-images.md", 'windlass image allow jupyter tier:Premium user:ada --label "Jupyter with pandas"'):
        ("needs the image above it", "tests/end_to_end/command_site_test.py"),
    ("docs/figures.md", "journalctl WINDLASS_JOB_ID=100000042"): ("needs a journal", "tests/systemd/units_test.py"),
    ("docs/images.md", 'curl -H "Authorization: Bearer $TOKEN" -F image=@cat.jpg http://localhost:8080/api/user/images/'):
        ("with the answers between the lines", "tests/end_to_end/images_test.py"),
    ("docs/monitoring.md", '"http_sink": {"type": "http", "url": "https://windlass.example/api/write/?precision=s", "jwt": "<token of POST /api/generateAPIKey>",'):
        ("for another program's settings, and a whole site", "tests/end_to_end/sampling_test.py"),
    ("docs/monitoring.md", 'echo "loss value=0.25" >>metrics                     # user.loss'):
        ("is written by a job", "tests/end_to_end/sampling_test.py"),
    ("docs/backup.md", "runuser -u windlass -- windlass backup /var/lib/windlass/site.backup"): ("needs a site", "tests/end_to_end/backup_test.py"),
    ("docs/backup.md", "systemctl stop windlass-api windlass-scheduler        # workers may go on"): ("needs a site", "tests/end_to_end/backup_test.py"),
    ("docs/backup.md", "systemctl stop windlass-api windlass-scheduler"): ("needs a site", "tests/end_to_end/backup_test.py"),
    ("docs/systemd.md", "cpack --config build/release/CPackConfig.cmake     # three .deb files in build/release/packages"):
        ("makes and installs packages", "tests/systemd/CMakeLists.txt"),
    ("docs/systemd.md", "for part in server worker command; do cmake --install build/release --prefix / --component $part; done"):
        ("changes the machine; done by a machine that is booted for it", "tests/systemd/units_test.py"),
    ("docs/systemd.md",
     'install -m 600 /dev/stdin /etc/credstore/windlass.database.url <<< "postgresql://windlass:PASSWORD@db.example.org/windlass"'):
        ("changes the machine; done by a machine that is booted for it", "tests/systemd/units_test.py"),
    ("docs/systemd.md", "systemctl kill -s USR2 --kill-whom=main windlass-worker"):
        ("needs a unit", "tests/packages/packages_test.py"),
    ("docs/tutorial.md", "export PATH=$PWD/build/release/bin:$PATH"): ("the tests have their own", "tests/end_to_end/tutorial_test.py"),
    ("docs/tutorial.md", "windlass dev"): ("stays until Ctrl-C", "tests/end_to_end/tutorial_test.py"),
    ("docs/worker.md", "windlass-worker --config /etc/windlass/worker.toml"):
        ("stays, as root, with the machine's own settings", "tests/systemd/units_test.py"),
    ("docs/submitting.md", "windlass login --url http://127.0.0.1:8080 --username ada"):
        ("asks for a password on a terminal", "tests/end_to_end/command_test.py"),
    ("docs/operating.md", "windlass init"): ("changes the machine; done by a machine that is booted for it", "tests/systemd/units_test.py"),
    ("docs/operating.md", "journalctl WINDLASS_JOB_ID=100000042"): ("needs a journal", "tests/systemd/units_test.py"),
}

# What makes an indented block one of commands: a line that begins like this.
COMMAND = re.compile(
    r"^(?:[A-Z_]+=\S* )*(?:sudo |env )?(?:windlass|runuser|su|ssh|for|cpack|curl|systemctl|journalctl|systemd-|install|scripts/|build/|cmake|ctest|ninja|apt|apt-get|docker|echo|"
    r"printf|export|source|openssl|psql|pg_dump|createdb|sqlite3|mkdir|chmod|chown|cp|mv|rm|cat|tar|python3?|pip|npm|bash|sh|\./)\b|: +curl "
)


def blocks(text):
    """(kind, lines) of each block: what stands behind ```, or "indented"."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = re.match(r"^```(.*)$", lines[at])
        if fence:
            end = at + 1
            while lines[end].rstrip() != "```":
                end += 1
            yield fence[1].strip(), lines[at + 1 : end]
            at = end + 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            yield "indented", [line[4:] for line in lines[at:end]]
            at = end
        else:
            at += 1


def is_tool(line):
    """Tools of the tree itself, which build it and run its tests: they need only be there."""
    script = re.match(r"scripts/[\w-]+", line)
    return (harness.SOURCE / script[0]).exists() if script else re.match(r"(ctest|cmake|(build/(release/)?bin/)?(bench_|windlass-bench))", line) is not None


def documents():
    names = ["README.md", *sorted(str(path.relative_to(harness.SOURCE)) for path in (harness.SOURCE / "docs").rglob("*.md"))]
    return {name: list(blocks((harness.SOURCE / name).read_text())) for name in names}


class EveryCommand(unittest.TestCase):
    def test_of_the_documents_is_run_or_known(self):
        unknown, met = [], set()
        for name, found in documents().items():
            for kind, lines in found:
                commands = kind.split(" ")[0] in ("sh", "bash", "shell", "console") or (
                    kind in ("indented", "") and any(COMMAND.search(line) for line in lines)
                )
                if not commands or kind in RUN.get(name, ()):
                    continue
                covered = re.search(r" covered=(\S+)", kind)
                if covered and (harness.SOURCE / covered[1]).exists():
                    continue
                tools = [is_tool(line) for line in lines if COMMAND.search(line)]
                if tools and all(tools):
                    continue
                key = (name, lines[0].rstrip())
                met.add(key)
                if key not in ELSEWHERE:
                    unknown.append(f"{name}: ```{kind}: {lines[0]}")
        self.assertEqual(unknown, [], f"neither run nor in ELSEWHERE of {pathlib.Path(__file__).name}")
        self.assertEqual(sorted(set(ELSEWHERE) - met), [], "no document has these any more")

    def test_what_covers_the_others_is_there(self):
        for (name, line), (reason, covered_by) in ELSEWHERE.items():
            self.assertTrue(reason and (harness.SOURCE / covered_by).exists(), (name, line, covered_by))

    def test_the_pages_for_each_kind_of_reader_are_found_from_the_readme(self):
        readme = (harness.SOURCE / "README.md").read_text()
        for page in ("submitting", "worker", "operating", "tutorial"):
            self.assertTrue(f"docs/{page}.md" in readme, page)


class Sessions(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    def follow(self, document, session, **variables):
        script = "".join(
            "\n".join(lines) + "\n" for kind, lines in documents()[document] if kind == f"sh session={session}"
        )
        self.assertTrue(script)
        home = tempfile.mkdtemp(prefix="home-", dir=self.directory)
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=home, env={"HOME": home, "PATH": f"{harness.BIN}:/usr/sbin:/usr/bin:/sbin:/bin", **variables},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.PATIENCE, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_of_who_submits(self):
        ada = self.new_user("ada")
        said = self.follow("docs/submitting.md", "submit", WINDLASS_URL=self.dev.url, WINDLASS_TOKEN=ada.token)
        for words in ("hello from", "later", "ready", "apples 3", "pears 5", "42", "nightly", "planet=mars", "the last one is cancelled"):
            self.assertIn(words, said)

    def test_of_who_runs_the_site(self):
        token = (self.dev.data / "admin.token").read_text().strip()
        said = self.follow("docs/operating.md", "operate", WINDLASS_URL=self.dev.url, WINDLASS_TOKEN=token)
        for words in ("bob@example.org", "nightly", "tier:Basic", "entries hold", "ready", "windlass_"):
            self.assertIn(words, said)

    def test_of_who_sets_one_up(self):
        if any(pathlib.Path(place, "windlass-scheduler.service").exists() for place in ("/etc/systemd/system", "/usr/lib/systemd/system")):
            self.skipTest("here `windlass init` would set up the machine's own site")
        self.assertIn("windlass dev", self.follow("docs/operating.md", "init"))


if __name__ == "__main__":
    harness.main()
