// Importing with the real tools, as root and rootless, in private namespaces (sandbox/private_main.cpp): good images,
// hostile ones, and ones that are too large. Nothing outside of the store may change.
#include "worker/images/import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/worker/sandbox/test_box.h"
#include "worker/sandbox/wire.h"
#include "worker/site_things.h"

namespace windlass::worker::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// registry.py with the image in `layout`, until it goes out of scope. `name` is what to pull.
class Registry {
  public:
    Registry(const std::string& layout, const char* how) {
        int out[2];
        EXPECT_EQ(pipe(out), 0);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            dup2(out[1], STDOUT_FILENO);
            execl("/usr/bin/python3", "python3", IMAGES_DIRECTORY "/registry.py", layout.c_str(), how, nullptr);
            _exit(127);
        }
        close(out[1]);
        char port[16] = {};
        EXPECT_GT(read(out[0], port, sizeof port - 1), 0);
        close(out[0]);
        host = "127.0.0.1:" + std::to_string(std::atoi(port));
        name = "docker://" + host + "/library/small";
    }
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;
    ~Registry() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }

    std::string host;
    std::string name;

  private:
    pid_t pid_ = -1;
};

class Importing : public ::testing::Test {
  protected:
    void SetUp() override {
        for (const char* tool : {"/usr/bin/skopeo", "/usr/bin/umoci", "/bin/busybox", "/usr/bin/python3"})
            if (!fs::exists(tool)) GTEST_SKIP() << "needs " << tool;
        settings.limits = {64 << 20, 2000};
        settings.uid = 1'900'000;
        outside = directory / "outside";
        directory.make_directory("outside");
        directory.write("outside/file", "untouched");
    }
    // What the script prints: the digest.
    std::string make(const std::string& name, const std::string& kind) {
        const std::string command = fmt::format("/usr/bin/python3 {}/oci_layout.py {}/{} {} {}", IMAGES_DIRECTORY,
                                                directory.path(), name, kind, outside);
        FILE* out = popen(command.c_str(), "r");
        char line[200] = {};
        EXPECT_NE(fgets(line, sizeof line, out), nullptr) << command;
        EXPECT_EQ(pclose(out), 0) << command;
        return std::string(line).substr(0, std::string(line).find('\n'));
    }
    Result<ImageRecord> import(const std::string& name, const std::string& source, const std::string& digest = "") {
        return import_image(store, name, source, digest, settings);
    }
    fs::path root_of(const std::string& name) { return store.open_image(name).value().root_directory; }
    std::size_t leftovers() const {
        std::size_t count = 0;
        for (const char* place : {"staging", "images"})
            for (const auto& entry : fs::directory_iterator(store.directory() + "/" + place))
                count += entry.exists() ? 1U : 0U;
        return count;
    }
    // Each file in the tree of an image is an ordinary one of ours.
    void expect_harmless(const fs::path& root) {
        for (const auto& entry : fs::recursive_directory_iterator(root)) {
            struct stat seen {};
            ASSERT_EQ(lstat(entry.path().c_str(), &seen), 0);
            EXPECT_TRUE(S_ISREG(seen.st_mode) || S_ISDIR(seen.st_mode) || S_ISLNK(seen.st_mode)) << entry.path();
            EXPECT_EQ(seen.st_uid, geteuid()) << entry.path();
            EXPECT_EQ(seen.st_mode & 06000, 0U) << entry.path();
        }
    }
    // A job in it that uses what the image brought along to get out.
    void run_in(const std::string& name) {
        TestBox box;
        BoxSpec spec = script(
            "touch /way/tmp/mine /up/tmp/mine /way/mine /up/mine 2>/dev/null; ls -l /way /up > /dev/null 2>&1; id -u; "
            "cat /etc/shadow; echo end");
        const SiteThings things(store);
        const auto in_use = things.fit_out(name, {}, spec);
        ASSERT_TRUE(in_use.ok()) << in_use.error().message;
        const Finished finished = box.run(spec);
        EXPECT_THAT(finished.out, HasSubstr("end")) << finished.err << finished.outcome.detail;
        EXPECT_EQ(finished.out.find("root:"), std::string::npos) << finished.out;
        expect_nothing_outside();
    }
    void expect_nothing_outside() {
        std::size_t files = 0;
        for (const auto& entry : fs::recursive_directory_iterator(outside)) files += entry.exists() ? 1U : 0U;
        EXPECT_EQ(files, 1U) << "the import wrote outside of its store";
        EXPECT_EQ(content_of(outside + "/file"), "untouched");
        EXPECT_FALSE(fs::exists("/outside-absolute"));
    }

    const TemporaryDirectory directory;
    SiteStore store{directory / "site"};
    ImportSettings settings;
    std::string outside;
};

TEST_F(Importing, a_layout_an_archive_a_directory_of_layers_and_a_root_file_system) {
    const std::string digest = make("layout", "good");
    const auto record = import("Übung 1", "oci:" + directory.path() + "/layout");
    ASSERT_TRUE(record.ok()) << record.error().message;
    EXPECT_EQ(record->digest, digest);
    EXPECT_EQ(record->config.env.at("COLOUR"), "blau");
    EXPECT_EQ(record->config.entry_point, (std::vector<std::string>{"echo", "entry", "point"}));
    EXPECT_EQ(record->user.home, "/home/learner");
    EXPECT_GT(record->bytes, 500'000);
    const fs::path root = root_of("Übung 1");
    EXPECT_EQ(content_of(root / "home/learner/notes"), "hello\n");
    EXPECT_TRUE(fs::is_directory(root / "home/learner/work")) << "the image starts there and does not have it";
    expect_harmless(root);

    ASSERT_EQ(std::system(fmt::format("cd {}/layout && tar cf ../archive.tar .", directory.path()).c_str()), 0);
    const auto archive = import("archive", "oci-archive:" + directory.path() + "/archive.tar", digest);
    ASSERT_TRUE(archive.ok()) << archive.error().message;
    EXPECT_EQ(archive->digest, digest);
    EXPECT_EQ(root_of("archive"), root) << "the same image is there once";

    ASSERT_EQ(
        std::system(
            fmt::format("skopeo --insecure-policy copy -q oci:{0}/layout dir:{0}/layers", directory.path()).c_str()),
        0);
    const auto layers = import("layers", "dir:" + directory.path() + "/layers");
    ASSERT_TRUE(layers.ok()) << layers.error().message;

    const auto tree = import("tree", "dir:" + root.string());
    ASSERT_TRUE(tree.ok()) << tree.error().message;
    EXPECT_EQ(content_of(root_of("tree") / "home/learner/notes"), "hello\n");
    EXPECT_EQ(import("again", "dir:" + root.string())->digest, tree->digest);
    expect_nothing_outside();
}

TEST_F(Importing, refuses_another_digest_than_the_one_that_is_wanted) {
    make("layout", "good");
    const auto other = import("image", "oci:" + directory.path() + "/layout", "sha256:" + std::string(64, '0'));
    ASSERT_FALSE(other.ok());
    EXPECT_THAT(other.error().message, HasSubstr("its digest is sha256:"));
    EXPECT_EQ(leftovers(), 0U);
}

TEST_F(Importing, refuses_what_is_not_what_its_digest_says) {
    make("layout", "good");
    fs::path largest;
    for (const auto& entry : fs::directory_iterator(directory / "layout/blobs/sha256"))
        if (largest.empty() || fs::file_size(entry) > fs::file_size(largest)) largest = entry.path();
    std::fstream layer(largest, std::ios::in | std::ios::out | std::ios::binary);
    layer.seekp(5000);
    layer.put('x').put('y');
    layer.close();
    const auto damaged = import("image", "oci:" + directory.path() + "/layout");
    ASSERT_FALSE(damaged.ok());
    EXPECT_EQ(leftovers(), 0U);
    EXPECT_TRUE(store.index()->images.empty());
}

TEST_F(Importing, hostile_images_harm_nothing_when_imported_nor_when_a_job_runs_in_them) {
    for (const char* kind : {"dots", "absolute", "links", "replaced", "devices", "setuid", "hardlink-absolute",
                             "hardlink-dots", "whiteouts", "closed", "root-link"}) {
        SCOPED_TRACE(kind);
        make(kind, kind);
        const auto record = import(kind, "oci:" + directory.path() + "/" + kind);
        expect_nothing_outside();
        if (!record) {
            EXPECT_FALSE(store.index()->images.contains(kind)) << "refused, and yet known";
            continue;
        }
        expect_harmless(root_of(kind));
        run_in(kind);
    }
    // These are taken, so that the tests above looked at something.
    const auto index = store.index();
    for (const char* kind : {"links", "devices", "setuid", "closed"}) EXPECT_TRUE(index->images.contains(kind)) << kind;
    for (const auto& entry : fs::recursive_directory_iterator(root_of("devices"))) EXPECT_FALSE(entry.is_other());
}

TEST_F(Importing, refuses_what_is_too_large_or_has_too_many_files) {
    settings.limits.bytes = 16 << 20;
    make("large", "large");  // a small archive, 80 MB of zeros
    const auto large = import("large", "oci:" + directory.path() + "/large");
    ASSERT_FALSE(large.ok());
    make("many", "many");  // 2,200 files
    const auto many = import("many", "oci:" + directory.path() + "/many");
    ASSERT_FALSE(many.ok());
    EXPECT_THAT(many.error().message, HasSubstr("worker.image_files"));
    EXPECT_EQ(leftovers(), 0U);
}

TEST_F(Importing, that_takes_too_long_is_given_up) {
    make("layout", "good");
    settings.longest = Seconds{0};
    const auto late = import("late", "oci:" + directory.path() + "/layout");
    ASSERT_FALSE(late.ok());
    EXPECT_THAT(late.error().message, HasSubstr("worker.image_seconds"));
    EXPECT_EQ(leftovers(), 0U);
}

TEST_F(Importing, that_is_killed_at_any_moment_leaves_no_half_image) {
    make("layout", "good");
    const std::string source = "oci:" + directory.path() + "/layout";
    bool complete = false;
    for (int milliseconds = 20; !complete && milliseconds < 20'000; milliseconds = milliseconds * 3 / 2) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) _exit(import("image", source).ok() ? 0 : 1);
        timespec moment{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
        nanosleep(&moment, nullptr);  // not to wait for something: this is the moment of the crash
        kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        const auto index = store.index();
        ASSERT_TRUE(index.ok()) << index.error().message;
        complete = index->images.contains("image");
        if (complete) {
            EXPECT_EQ(content_of(root_of("image") / "home/learner/notes"), "hello\n");
        }
    }
    EXPECT_TRUE(complete);
    ASSERT_TRUE(store.change().ok());  // clears away what the crashes left
    EXPECT_EQ(leftovers(), 1U);
}

TEST_F(Importing, an_image_in_use_is_removed_when_nobody_uses_it_any_more) {
    make("layout", "good");
    ASSERT_TRUE(import("image", "oci:" + directory.path() + "/layout").ok());
    auto image = store.open_image("image");
    ASSERT_TRUE(image.ok());
    ASSERT_TRUE(store.change()->remove_image("image").ok());
    EXPECT_FALSE(store.open_image("image").ok());
    EXPECT_TRUE(fs::exists(image->root_directory + "/bin/busybox"));
    image->in_use.reset();
    ASSERT_TRUE(store.change().ok());
    EXPECT_EQ(leftovers(), 0U);
    EXPECT_EQ(store.change()->remove_image("image").error().kind, ErrorKind::not_found);
}

TEST_F(Importing, only_one_at_a_time) {
    const auto first = store.change();
    ASSERT_TRUE(first.ok());
    const auto second = import("image", "oci:" + directory.path() + "/nothing");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

TEST_F(Importing, names_sources_and_registries_that_cannot_be_are_refused) {
    for (const char* name : {"", "a/b", "..", "a\nb"})
        EXPECT_EQ(import(name, "oci:/x").error().kind, ErrorKind::invalid) << name;
    for (const char* source : {"", "oci:", "docker:busybox", "busybox", "/tmp/x", "dir:"})
        EXPECT_EQ(import("a", source).error().kind, ErrorKind::invalid) << source;
    EXPECT_EQ(import("a", "docker://docker.io/library/busybox").error().kind, ErrorKind::denied);
    const std::vector<std::string> pull = {"registry.example.org", "docker.io/library/busybox", "http:127.0.0.1:5000"};
    for (const char* good : {"registry.example.org/any/thing:1", "docker.io/library/busybox:1",
                             "docker.io/library/busybox@sha256:0", "127.0.0.1:5000/x"})
        EXPECT_NE(allowed_registry(good, pull), nullptr) << good;
    for (const char* bad : {"registry.example.org.evil.net/x", "registry.example.org:5000/x",
                            "docker.io/library/busyboxes", "docker.io/library", "127.0.0.1:50001/x", ""})
        EXPECT_EQ(allowed_registry(bad, pull), nullptr) << bad;
}

TEST_F(Importing, pulls_from_a_registry_that_is_allowed_what_its_digest_says) {
    const std::string digest = make("layout", "good");
    const Registry registry(directory / "layout", "honest");
    settings.pull = {"http:" + registry.host + "/library"};
    for (const std::string& reference : {std::string(":latest"), "@" + digest}) {
        const auto pulled = import("pulled" + reference.substr(0, 1), registry.name + reference, digest);
        ASSERT_TRUE(pulled.ok()) << pulled.error().message;
        EXPECT_EQ(pulled->digest, digest);
        EXPECT_EQ(pulled->config.entry_point.front(), "echo");
    }
    EXPECT_FALSE(import("other", registry.name + ":latest", "sha256:" + std::string(64, '1')).ok());
    settings.pull = {"http:" + registry.host + "/elsewhere"};
    EXPECT_EQ(import("other", registry.name + ":latest").error().kind, ErrorKind::denied);
    EXPECT_EQ(store.index()->images.size(), 2U);
}

TEST_F(Importing, a_registry_that_lies_or_does_not_end_is_given_up) {
    make("layout", "good");
    settings.limits.bytes = 16 << 20;
    for (const char* how : {"lying", "endless"}) {
        SCOPED_TRACE(how);
        const Registry registry(directory / "layout", how);
        settings.pull = {"http:" + registry.host};
        const auto pulled = import("pulled", registry.name + ":latest");
        EXPECT_FALSE(pulled.ok());
        EXPECT_TRUE(store.index()->images.empty());
        EXPECT_EQ(leftovers(), 0U);
    }
}

TEST_F(Importing, datasets_are_directories_by_their_real_place) {
    directory.make_directory("data");
    fs::create_symlink(directory / "data", directory / "link");
    const auto place = add_dataset(store, "Löhne 2026", directory / "link");
    ASSERT_TRUE(place.ok()) << place.error().message;
    EXPECT_EQ(*place, fs::canonical(directory / "data").string());
    EXPECT_EQ(store.index()->datasets.at("Löhne 2026"), *place);
    for (const char* name : {"", "a/b", "..", "tab\t"})
        EXPECT_EQ(add_dataset(store, name, directory / "data").error().kind, ErrorKind::invalid) << name;
    EXPECT_FALSE(add_dataset(store, "a", directory / "nothing").ok());
    EXPECT_FALSE(add_dataset(store, "a", directory / "outside/file").ok());
    EXPECT_FALSE(add_dataset(store, "a", "/").ok());
    EXPECT_FALSE(add_dataset(store, "a", store.directory()).ok());
    ASSERT_TRUE(store.change()->remove_dataset("Löhne 2026").ok());
    EXPECT_TRUE(store.index()->datasets.empty());
    EXPECT_EQ(store.change()->remove_dataset("Löhne 2026").error().kind, ErrorKind::not_found);
}

TEST_F(Importing, what_a_job_gets_is_what_its_image_says) {
    make("layout", "good");
    ASSERT_TRUE(import("image", "oci:" + directory.path() + "/layout").ok());
    directory.make_directory("data");
    directory.write("data/values", "1,2,3\n");
    ASSERT_TRUE(add_dataset(store, "iris", directory / "data").ok());
    chmod(directory.path().c_str(), 0755);
    TestBox box;
    const SiteThings things(store);
    EXPECT_EQ(things.offers().images.size(), 1U);
    EXPECT_EQ(things.offers().datasets.size(), 1U);

    BoxSpec entry_point = script("");
    const auto in_use = things.fit_out("image", {"iris"}, entry_point);
    ASSERT_TRUE(in_use.ok()) << in_use.error().message;
    EXPECT_EQ(box.run(entry_point).out, "entry point\n");

    BoxSpec commands =
        script("pwd; cd $HOME; pwd; cat notes; id -un; echo $COLOUR; cat /tmp/iris/values; rm notes; ls");
    ASSERT_TRUE(things.fit_out("image", {"iris"}, commands).ok());
    EXPECT_EQ(box.run(commands).out, "/job\n/home/learner\nhello\nlearner\nblau\n1,2,3\nwork\n");

    BoxSpec missing = script("true");
    EXPECT_EQ(things.fit_out("other", {}, missing).error().kind, ErrorKind::not_found);
    EXPECT_EQ(things.fit_out("", {"other"}, missing).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace windlass::worker::testing
