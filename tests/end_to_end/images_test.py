"""Images through real daemons: uploads, thumbnails by vipsthumbnail in the real sandbox, a hostile corpus with the answer
each must get, decoders that crash, hang and eat memory, a shared cache in front, and kills at any moment."""

import http.client
import os
import random
import threading
import time
import unittest
import urllib.parse

import harness
import pictures
from pictures import png

# By the width of the thumbnail this decoder crashes, hangs or eats memory; all others are made as always.
HOSTILE = (
    "/bin/sh -c 'case $2 in 11x*) kill -SEGV $$;; 12x*) sleep 1000;; 13x*) tail /dev/zero;; 14x*) exit 0;; "
    '15x*) while :; do echo "<script>"; done >&2;; *) exec /usr/bin/vipsthumbnail "$@";; esac\' vips'
)


class Images(harness.OnDatabase):
    environment = {
        "WINDLASS_API_THUMBNAIL_COMMAND": HOSTILE,
        "WINDLASS_API_THUMBNAIL_TIMEOUT_S": "10",
        "WINDLASS_API_IMAGE_PIXELS": "20000000",
    }

    def new_user_of(self, tier, stem="painter"):
        user = self.new_user(stem)
        if tier != "Basic":
            changed = self.admin.ask("PATCH", f"/api/users/{user.id}/", {"tier": tier})
            self.assertEqual(changed.status, 200, changed)
            harness.until(lambda: user.get("/api/user/").json.get("tier") == tier, "the tier has changed")
        return user

    def upload(self, user, data, name="a.png"):
        body, headers = pictures.form(data, name)
        return user.once("POST", "/api/user/images/", body, headers)

    def details(self, user, image):
        answer = user.get(f"/api/images/{image}/")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def settled(self, user, image):
        """The thumbnails once none of them waits any more, by height."""

        def look():
            all_of_them = self.details(user, image)["thumbnails"]
            return None if any(each["state"] == "waiting" for each in all_of_them) else all_of_them

        return {each["height"]: each for each in harness.until(look, f"thumbnails of {image} are settled")}

    def media(self, user, url):
        return user.get(urllib.parse.urlsplit(url).path)

    def test_01_thumbnails_are_exact_stripped_and_of_the_same_kind(self):
        user = self.new_user_of("Premium")
        secret = b"a secret in the file"
        text = pictures.chunk(b"tEXt", b"Comment\0" + secret)
        for data, kind, shape in (
            (png(301, 127, before=text), "png", (301, 127)),
            (png(31, 17), "png", (31, 17)),  # made larger
            (pictures.with_exif(pictures.jpeg(1003, 751), 1), "jpeg", (1003, 751)),
            (pictures.with_exif(pictures.jpeg(301, 127), 6), "jpeg", (127, 301)),
            (png(301, 127, before=pictures.chunk(b"eXIf", pictures.exif(8))), "png", (127, 301)),
        ):
            made = self.upload(user, data)
            self.assertEqual(made.status, 201, made)
            image = made.json["id"]
            self.assertEqual(self.media(user, made.json["image"]).body, data, "the original, byte by byte")
            thumbnails = self.settled(user, image)
            self.assertEqual(sorted(thumbnails), [200, 400])
            listed = {each["height"]: each for each in user.get("/api/user/thumbnails/").json if each["image_id"] == image}
            for height, thumbnail in thumbnails.items():
                self.assertEqual(thumbnail["state"], "made", thumbnail)
                self.assertEqual(listed[height]["thumbnail"], thumbnail["thumbnail"])
                got = self.media(user, thumbnail["thumbnail"])
                width = max((2 * shape[0] * height + shape[1]) // (2 * shape[1]), 1)
                self.assertEqual(pictures.header_of(got.body), (kind, width, height))
                self.assertEqual(got.headers["Content-Type"], f"image/{kind}")
                for trace in (secret, b"Exif", b"eXIf", b"iCCP", b"ICC_PROFILE", b"tEXt", b"vips"):
                    self.assertNotIn(trace, got.body)

    def test_02_each_of_the_hostile_corpus_gets_its_answer(self):
        user = self.new_user_of("Basic")
        whole, photo = png(301, 127), pictures.jpeg(301, 127)
        garbage = bytearray(photo)
        for at in range(len(photo) // 2, len(photo) // 2 + 200):
            if garbage[at] != 0xFF and garbage[at + 1] != 0xFF and garbage[at - 1] != 0xFF:
                garbage[at] = (garbage[at] * 7 + 13) % 255
        frames = pictures.chunk(b"acTL", b"\0\0\0\x02\0\0\0\0") + pictures.chunk(
            b"fcTL", b"\0\0\0\0\0\0\x01\x2d\0\0\0\x7f\0\0\0\0\0\0\0\0\0\x01\0\x0a\0\0"
        )
        refused = {
            "nothing": b"",
            "text": b"hello",
            "a page": b"<html><script>alert(1)</script>",
            "a drawing that names files": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
            "a program for the decoder": b"push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 'ephemeral:/etc/x'",
            "GIF": b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
            "WebP": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0",
            "TIFF": b"II*\0\x08\0\0\0\0\0",
            "a page before a PNG": b"<html>" + whole,
            "PNG cut off": whole[:-20],
            "PNG cut in its header": whole[:20],
            "PNG without pixels": whole[:33] + pictures.chunk(b"IEND", b""),
            "PNG with a wrong checksum": whole[:60] + bytes([whole[60] ^ 1]) + whole[61:],
            "PNG of no width": png(0, 5),
            "PNG of no height": png(5, 0, rows=b"\0"),
            "PNG that says it is huge": png(2**31 - 1, 2**31 - 1, rows=b"\0"),
            "PNG bomb beyond the limit of pixels": png(5000, 5000, depth=1, colour=0),
            "JPEG cut off": photo[: len(photo) // 2],
            "JPEG without its end": photo[:-2],
            "JPEG that says it is huge": photo.replace(b"\0\x7f\x01\x2d", b"\xff\xff\xff\xff", 1),
        }
        for name, data in refused.items():
            answer = self.upload(user, data)
            self.assertEqual(answer.status, 400, f"{name}: {answer}")
            self.assertEqual(list(answer.json), ["image"], name)
        made = {
            "PNG named as a page": (whole, "x.html", (474, 200)),
            "JPEG named as a PNG": (photo, "x.png", (474, 200)),
            "16 bits and transparent": (png(301, 127, depth=16, colour=6), "a.png", (474, 200)),
            "grey": (png(301, 127, depth=8, colour=0), "a.png", (474, 200)),
            "black and white": (png(301, 127, depth=1, colour=0), "a.png", (474, 200)),
            "CMYK": (pictures.vips("colourspace", "IN", "OUT", "cmyk", suffix="jpg", source=whole), "a.jpg", (474, 200)),
            "progressive": (pictures.jpeg(301, 127, "[interlace]"), "a.jpg", (474, 200)),
            "interlaced": (pictures.vips("copy", "IN", "OUT", suffix="png[interlace]", source=whole), "a.png", (474, 200)),
            "animated: its first picture": (png(301, 127, before=frames), "a.png", (474, 200)),
            "PNG and archive": (whole + b"PK\x03\x04 and so on", "a.png", (474, 200)),
            "JPEG and page": (photo + b"<script>alert(1)</script>", "a.jpg", (474, 200)),
            "a page in a comment": (png(301, 127, before=pictures.chunk(b"tEXt", b"x\0<script>")), "a.png", (474, 200)),
            "lying on its side": (pictures.with_exif(photo, 5), "a.jpg", (84, 200)),
            "a directory of EXIF that points nowhere": (
                photo[:2] + b"\xff\xe1\0\x10Exif\0\0MM\0*\xff\xff\xff\xff" + photo[2:], "a.jpg", (474, 200)),
            "one pixel": (png(1, 1), "a.png", (200, 200)),
            "a tall line": (png(1, 10000), "a.png", (1, 200)),
            "many pixels in few bytes": (png(4000, 4000, depth=1, colour=0), "a.png", (200, 200)),
        }
        uploads = {}
        for name, (data, file, shape) in made.items():
            answer = self.upload(user, data, file)
            self.assertEqual(answer.status, 201, f"{name}: {answer}")
            uploads[name] = answer.json["id"]
        for name, (data, file, shape) in made.items():
            thumbnail = self.settled(user, uploads[name])[200]
            self.assertEqual(thumbnail["state"], "made", f"{name}: {thumbnail}")
            got = self.media(user, thumbnail["thumbnail"])
            self.assertEqual(pictures.header_of(got.body)[1:], shape, name)
            self.assertNotIn(b"<script>", got.body, name)
            self.assertIn("sandbox", got.headers["Content-Security-Policy"])
            self.assertEqual(got.headers["X-Content-Type-Options"], "nosniff")
        # Taken, and one of two honest ends: what can be seen of it, or a sentence. Never neither.
        for name, data in {
            "JPEG with damaged pixels": bytes(garbage),
            "PNG of too few pixels": png(301, 127, rows=b"\0" * 50),
            "PNG of pixels that are no pixels": whole[:33] + pictures.chunk(b"IDAT", b"nonsense" * 9)
            + pictures.chunk(b"IEND", b""),
        }.items():
            answer = self.upload(user, data)
            self.assertEqual(answer.status, 201, f"{name}: {answer}")
            thumbnail = self.settled(user, answer.json["id"])[200]
            self.assertTrue(thumbnail["state"] == "made" or thumbnail["detail"], f"{name}: {thumbnail}")
        wide = self.upload(user, png(10000, 1))
        self.assertIn("too large", self.settled(user, wide.json["id"])[200]["detail"])

    def test_03_a_decoder_that_crashes_hangs_or_eats_memory_harms_one_job(self):
        user = self.new_user_of("Basic")
        victims = {
            11: "The decoder crashed, by signal 11.",
            12: "The decoder took too long.",
            13: "The decoder needed more memory than an image of this size may take.",
            14: "The decoder left no picture.",
            15: "The decoder wrote more than an image of this size may need.",
        }
        uploads = {width: self.upload(user, png(width, 200)).json["id"] for width in victims}
        good = [self.upload(user, png(100 + i, 200)).json["id"] for i in range(3)]
        for image in good:
            self.assertEqual(self.settled(user, image)[200]["state"], "made")
        for width, sentence in victims.items():
            thumbnail = self.settled(user, uploads[width])[200]
            self.assertEqual((thumbnail["state"], thumbnail["detail"]), ("failed", sentence))
        self.assertEqual(user.get("/api/user/images/").status, 200)

    def test_04_the_site_s_own_jobs_belong_to_nobody(self):
        user = self.new_user_of("Basic")
        image = self.upload(user, png(40, 30)).json["id"]
        self.settled(user, image)
        self.assertEqual(user.get("/api/jobs/").json, [])
        usage = user.get("/api/quotas/me/").json
        self.assertEqual(usage["usage"]["cpu_s_today"], 0, usage)
        names = [each["username"] for each in self.admin.get("/api/users/").json]
        self.assertFalse([name for name in names if "system" in name.lower()])
        labels = self.admin.get("/api/workers/").json[0]["labels"]
        self.assertEqual(labels["vipsthumbnail"], "yes")
        # Its queue comes back when it is needed.
        harness.until(lambda: self.admin.ask("DELETE", "/api/queues/system/").status == 204, "nothing of it lives")
        again = self.settled(user, self.upload(user, png(41, 30)).json["id"])
        self.assertEqual(again[200]["state"], "made")

    def test_05_a_shared_cache_in_front_never_mixes_people_up(self):
        users = [self.new_user_of("Premium", "reader") for _ in range(2)]
        for user in users:
            self.settled(user, self.upload(user, png(20 + int(user.id), 30)).json["id"])
        cache = CachingProxy(self.dev.url, shared=True)
        paths = ["/api/user/images/", "/api/user/thumbnails/"]
        for _ in range(3):
            for user in users:
                for path in paths:
                    self.assertEqual(cache.get(path, user.token).body, user.get(path).body)
                url = user.get("/api/user/images/").json[0]["image"]
                path = urllib.parse.urlsplit(url).path
                self.assertEqual(cache.get(path, user.token).body, user.get(path).body)
                self.assertEqual(cache.get(path, users[1 - users.index(user)].token).status, 404)
                self.assertEqual(cache.get(path, None).status, 401)
        self.assertEqual(cache.stored, {}, "nothing here is for a shared cache")
        # A cache of one's own may keep lists, and is told by one's own writes.
        user = users[0]
        own = CachingProxy(self.dev.url, shared=False)
        before = own.get(paths[0], user.token).body
        self.assertEqual(own.get(paths[0], user.token).body, before)
        self.assertEqual(own.hits, 1)
        body, headers = pictures.form(png(5, 5))
        image = own.send("POST", paths[0], user.token, body, headers).json["id"]
        self.assertIn(image, [each["id"] for each in own.get(paths[0], user.token).json])
        self.assertEqual(own.send("DELETE", f"{paths[0]}{image}/", user.token).status, 204)
        self.assertNotIn(image, [each["id"] for each in own.get(paths[0], user.token).json])
        self.assertEqual(own.hits, 1)

    def test_06_large_uploads_lie_on_disk_while_they_come(self):
        user = self.new_user_of("Premium")
        api = self.dev.daemons()["windlass-api"]
        body, headers = pictures.form(b"x" * (10 * 2**20 + 2**19))
        parts = urllib.parse.urlsplit(self.dev.url)
        connections = []
        for _ in range(20):  # 200 MiB that are never finished
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            connection.putrequest("POST", "/api/user/images/")
            for key, value in {**headers, "Content-Length": str(len(body)), "Authorization": f"Bearer {user.token}"}.items():
                connection.putheader(key, value)
            connection.endheaders()
            connection.send(body[: 10 * 2**20])
            connections.append(connection)

        def spooled():
            sizes = []
            for entry in os.scandir(f"/proc/{api}/fd"):
                try:
                    if "(deleted)" in os.readlink(entry.path) and "/var/tmp" in os.readlink(entry.path):
                        sizes.append(os.stat(entry.path).st_size)
                except OSError:
                    continue
            return sum(sizes) >= 20 * 10 * 2**20

        harness.until(spooled, "all of it has come")
        resident = next(int(line.split()[1]) for line in open(f"/proc/{api}/status") if line.startswith("VmRSS"))
        if harness.MEMORY_COUNTS:
            self.assertLess(resident, 120 * 1024, "KiB")
        connections[0].send(body[10 * 2**20 :])
        answer = connections[0].getresponse()
        self.assertEqual(answer.status, 413)
        self.assertIn(b'"image"', answer.read())
        for connection in connections:
            connection.close()

    def test_07_kills_at_any_moment_leave_no_orphan_and_no_dangling_row(self):
        users = [self.new_user_of("Premium", "survivor") for _ in range(2)]
        acknowledged, deleted, unsure = [], [], []
        stop = threading.Event()
        faults = []

        def work(user, seed):
            numbers = random.Random(seed)
            mine = []
            n = 0
            while not stop.is_set():
                n += 1
                stop.wait(0.03)  # the pace of a person; thumbnails are to keep up
                try:
                    if mine and numbers.random() < 0.3:
                        image = mine.pop(numbers.randrange(len(mine)))
                        unsure.append(image)
                        answer = user.once("DELETE", f"/api/user/images/{image}/")
                        if answer.status == 204:
                            deleted.append(image)
                        elif answer.status != 503:
                            faults.append(answer)
                    else:
                        # Every third one has the same bytes: those are shared.
                        data = png(30, 20) if n % 3 == 0 else pictures.random_png(8, 6, seed * 100000 + n)
                        answer = self.upload(user, data)
                        if answer.status == 201:
                            mine.append(answer.json["id"])
                            acknowledged.append((user, answer.json["id"], data))
                        elif answer.status != 503:
                            faults.append(answer)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)

        threads = [threading.Thread(target=work, args=(user, 7 + i)) for i, user in enumerate(users)]
        for thread in threads:
            thread.start()
        numbers = random.Random(42)
        try:
            for daemon in ("api", "scheduler", "api", "worker", "api", "scheduler", "api"):
                count = len(acknowledged) + numbers.randrange(3, 12)
                harness.until(lambda: len(acknowledged) >= count, "uploads go on")
                self.dev.wait_restarted(daemon, self.dev.kill_daemon(daemon))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        self.assertGreater(len(deleted), 0)
        # What was acknowledged is there, and comes to its end; what was deleted is not.
        for user, image, data in acknowledged:
            if image in unsure:
                continue
            thumbnails = self.settled(user, image)
            self.assertEqual([each["state"] for each in thumbnails.values()], ["made", "made"], thumbnails)
            self.assertEqual(self.media(user, f"/api/media/{image}.png").body, data)
        for image in deleted:
            self.assertTrue(all(user.get(f"/api/images/{image}/").status == 404 for user in users))
        self.check_tables()
        for user in users:
            for each in user.get("/api/user/images/").json:
                self.assertEqual(user.ask("DELETE", f"/api/user/images/{each['id']}/").status, 204)
        mine = ", ".join(user.id for user in users)
        harness.until(lambda: self.count(f"image where owner in ({mine})") == 0, "all are deleted")
        self.check_tables()
        owner = 2**53 - 1
        # A job that was asked for while everybody died may be known to no thumbnail; looking around gives it up once it is
        # old enough, and the end of any job has the scheduler forget what was given up.
        self.database.change(f"update job set submitted_us = submitted_us - 3600000000 where owner = {owner}")
        self.dev.wait_restarted("api", self.dev.kill_daemon("api"))
        harness.until(
            lambda: self.count(
                f"job j where j.owner = {owner} and not exists (select 1 from job_discard d where d.job = j.id)"
            )
            == 0,
            "all of the site's own jobs are given up",
        )
        users[0].wait(users[0].submit("true"))
        harness.until(
            lambda: self.count(f"job where owner = {owner}") == 0, "the site's own jobs are forgotten", patience=180
        )
        self.check_tables()
        orphans = (
            "blob b where not exists (select 1 from blob_owner o where o.sha256 = b.sha256) and not exists (select 1 from "
            "image_blob i where i.sha256 = b.sha256) and not exists (select 1 from result_blob r where r.sha256 = b.sha256)"
        )
        self.assertEqual(self.count(orphans), 0)
        self.assertEqual(self.count(f"blob_owner where owner = {owner}"), 0)
        self.assertEqual(self.count("result_blob"), 0)

    def count(self, what):
        return self.database.rows(f"select count(*) from {what}")[0][0]

    def check_tables(self):
        for dangling in (
            "image i where not exists (select 1 from blob b where b.sha256 = i.sha256)",
            "image_thumbnail t where t.state = 1 and not exists (select 1 from blob b where b.sha256 = t.sha256)",
            "image_thumbnail t where not exists (select 1 from image i where i.id = t.image)",
            "image_blob u where u.uses <> (select count(*) from image i where i.sha256 = u.sha256) + (select count(*) from "
            "image_thumbnail t where t.sha256 = u.sha256)",
            "image i where not exists (select 1 from image_blob u where u.sha256 = i.sha256)",
        ):
            self.assertEqual(self.count(dangling), 0, dangling)


class ThumbnailsThatNobodyCanMake(harness.OnDatabase, unittest.TestCase):
    """The worker keeps thumbnails out, as one without libvips-tools does."""

    make_database = harness.Sqlite
    environment = {"WINDLASS_WORKER_LABELS": "vipsthumbnail=no"}

    def test_they_wait_and_say_why(self):
        user = self.new_user("patient")
        body, headers = pictures.form(png(4, 3))
        image = user.once("POST", "/api/user/images/", body, headers).json["id"]

        def why():
            return user.get(f"/api/images/{image}/").json["thumbnails"][0].get("why")

        self.assertIn("vipsthumbnail=yes", harness.until(why, "the reason is known"))
        self.assertEqual(user.get("/api/user/thumbnails/").json, [])
        self.assertEqual(user.ask("DELETE", f"/api/user/images/{image}/").status, 204)
        harness.until(
            lambda: self.database.rows("select count(*) from job_state where state < 4")[0][0] == 0, "its job is cancelled"
        )


class CachingProxy:
    """A cache by RFC 9111, as far as these answers need one: private, max-age, no-store, no-cache, Vary, and what a change
    makes stale. Shared, or one person's own."""

    def __init__(self, url, shared):
        self.client = harness.Client(url)
        self.shared = shared
        self.stored = {}  # path -> [(request headers that Vary names, until, answer)]
        self.hits = 0

    def request_headers(self, token):
        return {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path, token):
        headers = self.request_headers(token)
        for varied, until, answer in self.stored.get(path, []):
            if time.monotonic() < until and all(headers.get(name) == value for name, value in varied.items()):
                self.hits += 1
                return answer
        answer = self.client.get(path, headers=headers)
        control = [word.strip() for word in answer.headers.get("Cache-Control", "").split(",")]
        forbidden = "no-store" in control or "no-cache" in control or (self.shared and "private" in control)
        if self.shared and "Authorization" in headers and not {"public", "must-revalidate"} & set(control):
            forbidden = True
        age = [int(word[8:]) for word in control if word.startswith("max-age=")]
        if answer.status == 200 and age and not forbidden:
            names = [name.strip() for name in answer.headers.get("Vary", "").split(",") if name.strip()]
            kept = ({name: headers.get(name) for name in names}, time.monotonic() + age[0], answer)
            self.stored.setdefault(path, []).append(kept)
        return answer

    def send(self, method, path, token, body=None, headers=None):
        answer = self.client.once(method, path, body, {**self.request_headers(token), **(headers or {})})
        if answer.status < 400:
            for stale in (path, answer.headers.get("Location"), answer.headers.get("Content-Location")):
                self.stored.pop(stale, None)
        return answer


class ImagesOnSqlite(Images, unittest.TestCase):
    make_database = harness.Sqlite


class ImagesOnPostgreSQL(Images, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
