// Boxes with an image as their root, and with data sets. The image is busybox and little else, made here.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void write_file(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

class ImageRoot : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!fs::exists("/bin/busybox")) GTEST_SKIP() << "needs the package busybox-static";
        const fs::path root = image();
        for (const char* place : {"bin", "tmp", "root", "srv/app"}) fs::create_directories(root / place);
        fs::copy_file("/bin/busybox", root / "bin/busybox");
        for (const char* word :
             {"sh",   "ls", "cat", "id",       "echo",  "mount", "umount", "touch", "rm",  "mkdir", "stat",
              "find", "ln", "mv",  "readlink", "chmod", "dd",    "true",   "env",   "pwd", "wc",    "grep"})
            fs::create_symlink("busybox", root / "bin" / word);
        write_file(root / "etc/os-release", "NAME=tiny\n");
        write_file(root / "srv/app/config", "as in the image\n");
        write_file(data() / "measured.csv", "1,2,3\n");
        fs::create_directories(data() / "sub");
        fs::create_symlink("/etc/shadow", data() / "way-out");
        chmod(directory.path().c_str(), 0755);
    }
    fs::path image() const { return fs::canonical(directory.path()) / "image"; }
    fs::path data() const { return fs::canonical(directory.path()) / "data"; }
    BoxImage box_image() const {
        BoxImage made;
        made.root_directory = image();
        made.passwd = "learner:x:{uid}:{gid}::/srv/app:/bin/sh\n";
        made.group = "learner:x:{gid}:\n";
        made.home = "/srv/app";
        made.env = {{"FROM_IMAGE", "yes"}, {"PATH", "/bin"}};
        return made;
    }
    BoxSpec in_image(const std::string& text) const {
        BoxSpec spec = script(text);
        spec.image = box_image();
        return spec;
    }
    Finished run(const BoxSpec& spec) { return box.run(spec); }
    std::string said(const std::string& text) {
        const Finished finished = run(in_image(text));
        EXPECT_EQ(finished.outcome.kind, OutcomeKind::exited) << finished.outcome.detail;
        EXPECT_EQ(finished.outcome.detail, "") << finished.err;
        return finished.out + finished.err;
    }

    const TemporaryDirectory directory;
    TestBox box;
};

TEST_F(ImageRoot, is_all_that_a_job_sees) {
    EXPECT_EQ(said("cat /etc/os-release"), "NAME=tiny\n");
    EXPECT_EQ(said("ls /"), "bin\ndev\netc\njob\nproc\nroot\nsrv\ntmp\n");
    EXPECT_EQ(said("ls /usr"), "ls: /usr: No such file or directory\n");
    // Neither the prepared root nor the host is left behind the new one.
    EXPECT_EQ(said("while read -r device place rest; do echo $place; done < /proc/mounts"),
              "/\n/dev\n/dev/null\n/dev/zero\n/dev/full\n/dev/random\n/dev/urandom\n/proc\n/job\n");
}

TEST_F(ImageRoot, has_its_own_user_environment_and_place_to_start) {
    EXPECT_EQ(said("echo $FROM_IMAGE $HOME $PATH; id -un; pwd"), "yes /srv/app /bin\nlearner\n/job\n");
    BoxSpec spec = program({"pwd"});  // looked for in the image's PATH
    spec.image = box_image();
    spec.image->env["PATH"] = "relative:/nowhere:/bin";
    spec.start_directory = "/srv/app";
    EXPECT_EQ(run(spec).out, "/srv/app\n");
    spec.argv = {"missing-program"};
    const Finished missing = run(spec);
    EXPECT_EQ(missing.outcome.exit_code, 127);
    EXPECT_THAT(missing.err, HasSubstr("cannot execute missing-program: No such file"));
}

TEST_F(ImageRoot, can_be_changed_by_the_job_and_is_as_before_for_the_next) {
    EXPECT_EQ(said("echo mine > /srv/app/config && cat /srv/app/config && rm /etc/os-release && mkdir /new && "
                   "touch /new/file && rm -r /root && ls -d /root 2>&1; echo more > /bin/added && ls /bin/added"),
              "mine\nls: /root: No such file or directory\n/bin/added\n");
    EXPECT_EQ(said("cat /srv/app/config /etc/os-release; ls -d /root /new /bin/added 2>/dev/null"),
              "as in the image\nNAME=tiny\n/root\n");
    std::ifstream config(image() / "srv/app/config");
    std::string line;
    std::getline(config, line);
    EXPECT_EQ(line, "as in the image");
    EXPECT_FALSE(fs::exists(image() / "new"));
}

TEST_F(ImageRoot, has_the_files_of_the_job_and_leaves_its_results_in_job) {
    BoxSpec spec = in_image("cat code /job/data; echo done > out/result; echo beside > kept; ls /job");
    spec.files = {{"code", "the code\n"}, {"data", "the data\n"}};
    const Finished finished = run(spec);
    EXPECT_EQ(finished.out, "the code\nthe data\ncode\ndata\nkept\nout\n") << finished.err << finished.outcome.detail;
    EXPECT_EQ(read_in(finished.work_directory, "out/result"), "done\n");
    EXPECT_EQ(read_in(finished.work_directory, "kept"), "beside\n");
}

TEST_F(ImageRoot, writes_on_the_jobs_own_bounded_disk) {
    BoxSpec spec = in_image("dd if=/dev/zero of=/srv/large bs=64k count=64 2>/dev/null; echo $?");
    spec.limits.disk_bytes = 1 << 20;
    const Finished finished = run(spec);
    EXPECT_EQ(finished.out, "1\n");
    spec = in_image("i=0; while touch /srv/f$i 2>/dev/null; do i=$((i+1)); done; echo $i");
    spec.limits.inodes = 50;
    const Finished files = run(spec);
    EXPECT_GE(std::stoi(files.out), 45) << files.err;
    EXPECT_LE(std::stoi(files.out), 65);
}

TEST_F(ImageRoot, gives_no_way_to_change_mounts_or_to_get_rights) {
    EXPECT_THAT(said("mount -t tmpfs none /tmp || echo refused"), HasSubstr("refused"));
    EXPECT_THAT(said("umount -l /proc || echo refused; umount -l /job || echo refused"), HasSubstr("refused"));
    EXPECT_EQ(said("grep -c '^Cap.*:.0000000000000000$' /proc/self/status; grep NoNewPrivs /proc/self/status"),
              "5\nNoNewPrivs:\t1\n");
    EXPECT_THAT(said("chmod 4755 /bin/busybox || echo refused"), HasSubstr("refused"));
    EXPECT_THAT(said("echo x > /proc/sys/kernel/hostname || echo refused"), HasSubstr("refused"));
}

TEST_F(ImageRoot, cannot_lead_the_box_astray_with_links) {
    for (const char* name : {"etc", "tmp", "dev", "proc", "job"}) {
        fs::remove_all(image() / name);
        fs::create_symlink("/", image() / name);
    }
    BoxSpec spec = in_image("cat data; ls /tmp/iris; id -un; echo > /dev/null && cat /proc/self/comm");
    spec.files = {{"data", "the data\n"}};
    spec.datasets = {{"iris", data()}};
    const Finished finished = run(spec);
    EXPECT_EQ(finished.out, "the data\nmeasured.csv\nsub\nway-out\nlearner\ncat\n")
        << finished.err << finished.outcome.detail;
}

TEST_F(ImageRoot, that_is_not_there_is_told_in_words) {
    BoxSpec spec = in_image("true");
    spec.image->root_directory = image().string() + "-of-yesterday";
    const Finished finished = run(spec);
    EXPECT_FALSE(finished.started);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_THAT(finished.outcome.detail, StartsWith("take the directory /"));
    EXPECT_THAT(finished.outcome.detail, HasSubstr("No such file or directory"));
    EXPECT_EQ(said("echo next"), "next\n");
}

TEST_F(ImageRoot, with_a_network_of_nobody_has_the_loopback_of_its_slot_only) {
    EXPECT_EQ(said("grep -c : /proc/net/dev"), "1\n");
}

TEST_F(ImageRoot, is_gone_when_the_job_is) {
    for (int i = 0; i < 3; i++) EXPECT_EQ(said("echo again"), "again\n");
    std::ifstream mounts("/proc/self/mounts");
    const std::string all((std::istreambuf_iterator<char>(mounts)), {});
    EXPECT_EQ(all.find("overlay /job"), std::string::npos);
    EXPECT_EQ(all.find(image().string()), std::string::npos);
}

TEST_F(ImageRoot, datasets_are_read_only_and_lead_nowhere) {
    for (const bool with_image : {true, false}) {
        BoxSpec spec = script(
            "cat '/tmp/Löhne 2026/measured.csv'; cat '/tmp/Löhne 2026/way-out'; "
            "touch '/tmp/Löhne 2026/new'; rm '/tmp/Löhne 2026/measured.csv'; "
            "mv '/tmp/Löhne 2026' /tmp/other; echo mine > /tmp/mine; ls /tmp");
        if (with_image) spec.image = box_image();
        spec.datasets = {{"Löhne 2026", data()}};
        const Finished finished = run(spec);
        EXPECT_EQ(finished.out, "1,2,3\nLöhne 2026\nmine\n") << finished.err << finished.outcome.detail;
        EXPECT_THAT(finished.err, HasSubstr("way-out"));
        EXPECT_THAT(finished.err, HasSubstr("Read-only file system"));
        EXPECT_TRUE(fs::exists(data() / "measured.csv"));
    }
}

TEST_F(ImageRoot, a_dataset_whose_directory_became_a_link_is_not_followed) {
    const std::string place = data();
    fs::rename(place, place + "-before");
    fs::create_symlink("/etc", place);
    BoxSpec spec = script("ls /tmp/iris");
    spec.datasets = {{"iris", place}};
    const Finished finished = run(spec);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_THAT(finished.outcome.detail, HasSubstr("symbolic links")) << finished.out;
}

TEST_F(ImageRoot, only_what_is_named_is_there) {
    EXPECT_EQ(run(script("ls -A /tmp /job/.tmp")).out, "/job/.tmp:\n\n/tmp:\n");
    EXPECT_EQ(said("ls -A /tmp"), "");
}

TEST_F(ImageRoot, specifications_that_cannot_be_are_refused) {
    const auto refused = [this](BoxSpec spec) { return !box.sandbox().start(spec).ok(); };
    BoxSpec spec = script("true");
    for (const char* name : {"", ".", "..", "a/b", "a\nb", "\xff"}) {
        spec.datasets = {{name, data()}};
        EXPECT_TRUE(refused(spec)) << name;
    }
    spec.datasets = {{"a", data()}, {"a", data()}};
    EXPECT_TRUE(refused(spec));
    spec.datasets = {{"a", "relative"}};
    EXPECT_TRUE(refused(spec));
    spec.datasets.clear();
    spec.image.emplace();
    EXPECT_TRUE(refused(spec));
}

}  // namespace
}  // namespace windlass::worker::testing
