"""Limits from the API to the kernel: each one bites, and the result says which it was."""

import unittest

import harness

# name, commands, limits, outcome, what the detail says
BITES = [
    ("processor time", "exec perl -e '1 while 1'", {"cpu_s": 0.5}, "out_of_time", "its limit is 0.5 s (limits.cpu_s)"),
    (
        "file size",
        "exec perl -e 'open F, q(>), q(big); syswrite F, q(x) x 5001; syswrite F, q(y)'",
        {"file_bytes": 5000},
        "signalled",
        "a file grew beyond 5000 bytes (limits.file_bytes)",
    ),
    (
        "inodes",
        "for i in $(seq 100); do : > file$i || exit 1; done",
        {"inodes": 50},
        "out_of_disk",
        "no more files fit into its working directory: 50 (limits.inodes)",
    ),
    (
        "disk bytes",
        "head -c 2000000 /dev/zero > /tmp/big",
        {"disk_bytes": 1 << 20},
        "out_of_disk",
        "its working directory is full: 1 MiB (limits.disk_bytes)",
    ),
    ("output", "yes", {"output_bytes": 10000}, "output_limit", "16 times its limit of 10000 bytes"),
]


class Limits(harness.OnDatabase):
    def test_each_limit_has_an_outcome_and_a_sentence(self):
        user = self.new_user("limits")
        for name, commands, limits, outcome, sentence in BITES:
            with self.subTest(name):
                job = user.submit(commands, limits=limits)
                user.wait(job)
                results = user.result(job)
                self.assertEqual(results["outcome"], outcome, results)
                self.assertIn(sentence, results["detail"])
                shown = user.get(f"/api/jobs/{job}/").json["limits"]
                self.assertEqual({key: shown[key] for key in limits}, limits)

    def test_usage_tells_user_and_system_time_apart(self):
        user = self.new_user("usage")
        job = user.submit("perl -e '1 while (times)[0] < 0.2'")
        user.wait(job)
        usage = user.result(job)["usage"]
        self.assertGreaterEqual(usage["cpu_user_s"], 0.19)
        self.assertAlmostEqual(usage["cpu_s"], usage["cpu_user_s"] + usage["cpu_system_s"], places=5)


class LimitsOnSqlite(Limits, unittest.TestCase):
    make_database = harness.Sqlite


if __name__ == "__main__":
    harness.main()
