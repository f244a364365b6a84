// Directories as hostile as a job can leave them. Nothing here needs a box: the collector sees only the descriptor.
#include "worker/result_collector.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>

#include "shared/digest.h"
#include "shared/json.h"
#include "tests/support/temporary_directory.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

class Collector : public ::testing::Test {
  protected:
    void SetUp() override {
        initialise_crypto();
        work_.make_directory("out");
        limits_.keep_bytes = 1 << 20;
    }
    CollectedFiles collect() const {
        const FileDescriptor fd(open(work_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        return collect_files(fd.get(), limits_, beside_);
    }
    static std::vector<std::string> paths(const CollectedFiles& found) {
        std::vector<std::string> all;
        for (const auto& file : found.files) all.push_back(file.path);
        return all;
    }

    test::TemporaryDirectory work_;
    CollectLimits limits_;
    CollectBeside beside_;
};

TEST_F(Collector, takes_regular_files_with_size_hash_and_bytes_in_the_order_of_their_paths) {
    work_.make_directory("out/sub");
    work_.write("out/b.txt", "bee");
    work_.write("out/sub/a.txt", "ay");
    work_.write("outside.txt", "no");
    const auto found = collect();
    ASSERT_EQ(paths(found), (std::vector<std::string>{"b.txt", "sub/a.txt"}));
    EXPECT_EQ(found.files[0].size_bytes, 3);
    EXPECT_EQ(found.files[0].sha256, sha256_hex("bee"));
    EXPECT_TRUE(found.files[0].stored);
    EXPECT_EQ(found.bytes, "beeay");
    EXPECT_FALSE(found.truncated);
}

TEST_F(Collector, an_empty_or_missing_out_is_nothing) {
    EXPECT_TRUE(collect().files.empty());
    std::filesystem::remove(work_ / "out");
    EXPECT_TRUE(collect().files.empty());
    EXPECT_FALSE(collect().truncated);
}

TEST_F(Collector, follows_no_link_to_a_file) {
    ASSERT_EQ(symlink("/etc/shadow", (work_ / "out/shadow").c_str()), 0);
    ASSERT_EQ(symlink("../secret", (work_ / "out/up").c_str()), 0);
    work_.write("secret", "secret");
    EXPECT_TRUE(collect().files.empty());
}

TEST_F(Collector, follows_no_link_to_a_directory) {
    ASSERT_EQ(symlink("/etc", (work_ / "out/etc").c_str()), 0);
    EXPECT_TRUE(collect().files.empty());
}

TEST_F(Collector, follows_no_link_in_place_of_out) {
    std::filesystem::remove(work_ / "out");
    ASSERT_EQ(symlink("/etc", (work_ / "out").c_str()), 0);
    EXPECT_TRUE(collect().files.empty());
}

TEST_F(Collector, never_waits_for_a_fifo_and_skips_sockets_and_devices) {
    ASSERT_EQ(mkfifo((work_ / "out/fifo").c_str(), 0666), 0);
    const FileDescriptor socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", (work_ / "out/socket").c_str());
    ASSERT_EQ(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const bool with_device = mknod((work_ / "out/zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0;
    work_.write("out/file", "x");
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"file"}))
        << (with_device ? "with" : "without") << " a device";
}

TEST_F(Collector, a_sparse_terabyte_is_named_and_not_read) {
    work_.write("out/huge", "");
    // As large as this file system can express: a terabyte on most, never less than 1 GiB.
    off_t size = off_t{1} << 40;
    while (truncate((work_ / "out/huge").c_str(), size) != 0 && size > (off_t{1} << 30)) size /= 2;
    const auto before = std::chrono::steady_clock::now();
    const auto found = collect();
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
    ASSERT_EQ(found.files.size(), 1u);
    EXPECT_EQ(found.files[0].size_bytes, size);
    EXPECT_FALSE(found.files[0].stored);
    EXPECT_EQ(found.files[0].sha256, "");
    EXPECT_TRUE(found.bytes.empty());
}

TEST_F(Collector, what_no_longer_fits_is_hashed_and_not_kept) {
    work_.write("out/a", std::string(700 << 10, 'a'));
    work_.write("out/b", std::string(700 << 10, 'b'));
    work_.write("out/c", "small");
    const auto found = collect();
    ASSERT_EQ(found.files.size(), 3u);
    EXPECT_TRUE(found.files[0].stored);
    EXPECT_FALSE(found.files[1].stored);
    EXPECT_EQ(found.files[1].sha256, sha256_hex(std::string(700 << 10, 'b')));
    EXPECT_TRUE(found.files[2].stored);
    EXPECT_EQ(found.bytes.size(), (700u << 10) + 5);
}

TEST_F(Collector, many_sparse_files_do_not_add_up_to_endless_reading) {
    for (int i = 0; i < 10; ++i) {
        const std::string name = "out/sparse" + std::to_string(i);
        work_.write(name, "");
        ASSERT_EQ(truncate((work_ / name).c_str(), 1 << 20), 0);
    }
    const auto found = collect();
    std::size_t hashed = 0;
    for (const auto& file : found.files) hashed += file.sha256.empty() ? 0 : 1;
    EXPECT_EQ(found.files.size(), 10u);
    EXPECT_EQ(hashed, static_cast<std::size_t>(CollectLimits::read_factor));
}

TEST_F(Collector, deep_directories_end_somewhere) {
    std::string path = "out";
    for (int i = 1; i <= 20; ++i) {
        path += "/d";
        work_.make_directory(path);
        work_.write(path + "/file", "x");
    }
    const auto found = collect();
    EXPECT_EQ(found.files.size(), 16u);
    EXPECT_TRUE(found.truncated);
}

TEST_F(Collector, lists_a_thousand_files_and_says_that_there_were_more) {
    for (int i = 0; i < 1010; ++i) work_.write("out/" + std::to_string(i), "");
    const auto found = collect();
    EXPECT_EQ(found.files.size(), 1000u);
    EXPECT_TRUE(found.truncated);
}

TEST_F(Collector, a_crowd_of_links_is_not_walked_for_ever) {
    limits_.entries = 50;
    for (int i = 0; i < 60; ++i) ASSERT_EQ(symlink("x", (work_ / ("out/" + std::to_string(i))).c_str()), 0);
    EXPECT_TRUE(collect().truncated);
}

TEST_F(Collector, odd_names_become_valid_and_stay_distinct) {
    for (const char* name : {"\xff", "\xfe", "line\nbreak", "back\\slash", "...", "-rf", "\xc3\xa4"})
        work_.write(std::string("out/") + name, name);
    const auto found = collect();
    ASSERT_EQ(found.files.size(), 7u);
    std::set<std::string> distinct;
    for (const auto& path : paths(found)) {
        EXPECT_TRUE(is_valid_utf8(path)) << path;
        distinct.insert(path);
    }
    EXPECT_EQ(distinct.size(), 7u);
    EXPECT_TRUE(distinct.contains("\xc3\xa4"));
    EXPECT_TRUE(distinct.contains("\xef\xbf\xbd"));
    EXPECT_TRUE(distinct.contains("\xef\xbf\xbd~2"));
}

TEST_F(Collector, a_path_too_long_to_store_is_left_out) {
    const std::string name(200, 'n');
    std::string path = "out";
    for (int i = 0; i < 6; ++i) path += "/" + name;
    work_.make_directory(path);
    work_.write(path + "/file", "x");
    work_.write("out/near", "x");
    const auto found = collect();
    EXPECT_EQ(paths(found), (std::vector<std::string>{"near"}));
    EXPECT_TRUE(found.truncated);
}

TEST_F(Collector, names_of_255_bytes_and_with_every_byte_there_can_be_are_taken_as_valid_text) {
    std::string all_bytes;
    for (int byte = 1; byte < 256; ++byte)
        if (byte != '/') all_bytes += static_cast<char>(byte);
    const std::vector<std::string> names = {std::string(255, 'n'), std::string(255, '\xfe'), all_bytes.substr(0, 127),
                                            all_bytes.substr(127), "\x1b[2J\x07\r\n\t",      " ",
                                            "\xe2\x80\xae"};
    for (const std::string& name : names) work_.write("out/" + name, "x");
    const auto found = collect();
    EXPECT_EQ(found.files.size(), names.size());
    EXPECT_FALSE(found.truncated);
    for (const auto& path : paths(found)) EXPECT_TRUE(is_valid_utf8(path)) << path;
}

TEST_F(Collector, hard_links_are_the_files_they_are_and_each_is_counted) {
    work_.write("out/one", std::string(600 << 10, 'x'));
    for (const char* other : {"two", "three"})
        ASSERT_EQ(link((work_ / "out/one").c_str(), (work_ / (std::string("out/") + other)).c_str()), 0);
    const auto found = collect();
    ASSERT_EQ(found.files.size(), 3u);
    EXPECT_EQ(found.bytes.size(), 600u << 10) << "kept once, then the room is used up";
    EXPECT_EQ(found.files[0].sha256, found.files[2].sha256);
}

TEST_F(Collector, links_of_proc_to_a_directory_and_links_in_the_middle_lead_nowhere) {
    work_.make_directory("out/real");
    work_.write("out/real/file", "x");
    ASSERT_EQ(symlink("real", (work_ / "out/also").c_str()), 0);
    ASSERT_EQ(symlink("/proc/self/root", (work_ / "out/root").c_str()), 0);
    ASSERT_EQ(symlink("/proc/self/fd/0", (work_ / "out/stdin").c_str()), 0);
    ASSERT_EQ(symlink("..", (work_ / "out/real/up").c_str()), 0);
    ASSERT_EQ(symlink(".", (work_ / "out/real/loop").c_str()), 0);
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"real/file"}));
}

TEST_F(Collector, hundred_thousand_files_end_soon_and_are_said_to_be_too_many) {
    work_.make_directory("out/many");
    const FileDescriptor many(open((work_ / "out/many").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    work_.write("out/many/0", "");
    for (int i = 1; i < 100'000; ++i) {
        // A link costs less than a file; a file may have so many of them on most file systems, not on all.
        if (linkat(many.get(), "0", many.get(), std::to_string(i).c_str(), 0) == 0) continue;
        const FileDescriptor file(openat(many.get(), std::to_string(i).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        ASSERT_TRUE(file) << strerror(errno);
    }
    const auto found = collect();
    EXPECT_EQ(found.files.size(), 1000u);
    EXPECT_TRUE(found.truncated);
}

TEST_F(Collector, results_json_becomes_the_value) {
    work_.write("out/results.json", R"({"answer": 42})");
    const auto found = collect();
    EXPECT_EQ(found.value_json, R"({"answer": 42})");
    EXPECT_EQ(paths(found), (std::vector<std::string>{"results.json"}));
}

TEST_F(Collector, a_results_json_that_is_none_or_too_large_is_only_a_file) {
    work_.write("out/results.json", "{not json");
    EXPECT_EQ(collect().value_json, "");
    work_.write("out/results.json", std::string(100'000, '['));
    EXPECT_EQ(collect().value_json, "");
    work_.write("out/results.json", '"' + std::string(256 * 1024, 'x') + '"');
    EXPECT_EQ(collect().value_json, "");
    EXPECT_EQ(collect().files.size(), 1u);
}

TEST_F(Collector, the_value_is_read_even_if_no_file_is_kept) {
    limits_.keep_bytes = 0;
    work_.write("out/results.json", "[1, 2]");
    const auto found = collect();
    EXPECT_EQ(found.value_json, "[1, 2]");
    EXPECT_FALSE(found.files[0].stored);
}

TEST_F(Collector, a_results_json_deeper_down_is_just_a_file) {
    work_.make_directory("out/sub");
    work_.write("out/sub/results.json", "1");
    EXPECT_EQ(collect().value_json, "");
}

// A name that turns from a file into a link and back again all the time, while it is collected: what comes out is the
// file's bytes or nothing, never what the link points at.
TEST_F(Collector, a_file_replaced_during_the_walk_never_leads_outside) {
    work_.write("secret", "secret");
    work_.write("good", "good");
    std::atomic<bool> stop = false;
    std::atomic<int> turns = 0;
    std::thread job([&] {
        while (!stop) {
            const auto replace = [&](const std::string& made) {
                std::rename(made.c_str(), (work_ / "out/file").c_str());
            };
            if (symlink((work_ / "secret").c_str(), (work_ / "link").c_str()) == 0) replace(work_ / "link");
            if (link((work_ / "good").c_str(), (work_ / "plain").c_str()) == 0) replace(work_ / "plain");
            ++turns;
        }
    });
    int seen = 0;
    for (int i = 0; i < 2000 || (turns < 100 && i < 1'000'000); ++i) {
        const auto found = collect();
        for (const auto& file : found.files) {
            ASSERT_EQ(found.bytes, "good");
            ASSERT_EQ(file.size_bytes, 4);
            ++seen;
        }
    }
    stop = true;
    job.join();
    EXPECT_GT(seen, 0);
    EXPECT_GT(turns, 0);
}

TEST_F(Collector, a_file_that_shrinks_or_grows_while_it_is_read_has_the_size_of_its_bytes) {
    work_.write("out/file", std::string(100, 'x'));
    std::atomic<bool> stop = false;
    std::thread job([&] {
        while (!stop) {
            EXPECT_EQ(truncate((work_ / "out/file").c_str(), 10), 0);
            EXPECT_EQ(truncate((work_ / "out/file").c_str(), 200'000), 0);
        }
    });
    for (int i = 0; i < 300; ++i) {
        const auto found = collect();
        ASSERT_EQ(found.files.size(), 1u);
        ASSERT_EQ(static_cast<std::size_t>(found.files[0].size_bytes), found.bytes.size());
        ASSERT_EQ(found.files[0].sha256, sha256_hex(found.bytes));
    }
    stop = true;
    job.join();
}

// On a file system of its own, as in a box. Needs root.
TEST(LeavesNothing, is_true_only_for_an_empty_out_and_little_to_free) {
    const int context = static_cast<int>(syscall(SYS_fsopen, "tmpfs", 1));
    if (context < 0) GTEST_SKIP() << "fsopen: " << strerror(errno);
    const FileDescriptor made(context);
    ASSERT_EQ(syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, nullptr, nullptr, 0), 0);
    const FileDescriptor mount(static_cast<int>(syscall(SYS_fsmount, context, 1, 0)));
    ASSERT_TRUE(mount);
    EXPECT_TRUE(leaves_nothing(mount.get())) << "no out/ at all";
    ASSERT_EQ(mkdirat(mount.get(), "out", 0755), 0);
    EXPECT_TRUE(leaves_nothing(mount.get()));

    const FileDescriptor code(openat(mount.get(), "code", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(posix_fallocate(code.get(), 0, 1 << 20), 0);
    EXPECT_TRUE(leaves_nothing(mount.get()));
    ASSERT_EQ(posix_fallocate(code.get(), 0, 8 << 20), 0);
    EXPECT_FALSE(leaves_nothing(mount.get())) << "freeing it takes time";
    ASSERT_EQ(ftruncate(code.get(), 0), 0);
    EXPECT_TRUE(leaves_nothing(mount.get()));

    ASSERT_EQ(symlinkat("/etc", mount.get(), "out/link"), 0);
    EXPECT_FALSE(leaves_nothing(mount.get()));
}

// ---- beside out/

TEST_F(Collector, takes_what_the_patterns_say_beside_out_and_after_it) {
    beside_.patterns = {"*.log", "logs/", "deep/**/*.txt"};
    work_.make_directory("logs/old");
    work_.make_directory("deep/a/b");
    work_.write("out/z", "zed");
    work_.write("a.log", "ay");
    work_.write("a.txt", "no");
    work_.write("logs/old/x", "ex");
    work_.write("deep/a/b/t.txt", "tee");
    work_.write("deep/a/b/t.bin", "no");
    const auto found = collect();
    EXPECT_EQ(paths(found), (std::vector<std::string>{"z", "a.log", "deep/a/b/t.txt", "logs/old/x"}));
    EXPECT_EQ(found.bytes, "zedayteeex");
    EXPECT_FALSE(found.truncated);
}

TEST_F(Collector, what_the_job_found_there_is_taken_only_if_a_pattern_names_it) {
    beside_.not_its_own = {"code", "data", "in/set"};
    work_.make_directory("in");
    for (const char* name : {"code", "data", "in/set", "in/own"}) work_.write(name, "x");
    beside_.patterns = {"**"};
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"in/own"}));
    beside_.patterns = {"**", "data", "in/set"};
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"data", "in/own", "in/set"}));
}

TEST_F(Collector, patterns_never_take_what_is_the_boxs_own_or_in_out_already) {
    beside_.patterns = {"**", "out/", ".tmp/**"};
    work_.make_directory(".tmp");
    work_.make_directory(".shm");
    work_.make_directory("sub/out");
    for (const char* name : {".tmp/a", ".shm/b", "out/c", "sub/out/d"}) work_.write(name, "x");
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"c", "sub/out/d"}));
}

TEST_F(Collector, patterns_are_collected_when_out_is_gone) {
    beside_.patterns = {"a"};
    work_.write("a", "x");
    ASSERT_EQ(rmdir((work_ / "out").c_str()), 0);
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"a"}));
}

TEST_F(Collector, the_same_path_in_out_and_beside_it_stays_distinct) {
    beside_.patterns = {"*"};
    work_.write("out/a", "in");
    work_.write("a", "beside");
    EXPECT_EQ(paths(collect()), (std::vector<std::string>{"a", "a~2"}));
}

TEST_F(Collector, only_the_results_json_in_out_becomes_the_value) {
    beside_.patterns = {"*"};
    work_.write("results.json", "[1]");
    EXPECT_TRUE(collect().value_json.empty());
    work_.write("out/results.json", "[2]");
    EXPECT_EQ(collect().value_json, "[2]");
}

TEST_F(Collector, patterns_follow_no_link_and_open_nothing_but_regular_files) {
    beside_.patterns = {"**", "passwd", "etc/", "up/"};
    ASSERT_EQ(symlink("/etc/passwd", (work_ / "passwd").c_str()), 0);
    ASSERT_EQ(symlink("/etc", (work_ / "etc").c_str()), 0);
    ASSERT_EQ(symlink("..", (work_ / "up").c_str()), 0);
    ASSERT_EQ(mkfifo((work_ / "fifo").c_str(), 0600), 0);
    EXPECT_TRUE(collect().files.empty());
}

TEST_F(Collector, out_and_patterns_share_the_bounds) {
    limits_.files = 3;
    limits_.keep_bytes = 5;
    beside_.patterns = {"*"};
    work_.write("out/a", "123");
    work_.write("b", "123");
    work_.write("c", "12");
    work_.write("d", "1");
    const auto found = collect();
    ASSERT_EQ(paths(found), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_TRUE(found.truncated);
    EXPECT_TRUE(found.files[0].stored);
    EXPECT_FALSE(found.files[1].stored);
    EXPECT_TRUE(found.files[2].stored);
    EXPECT_EQ(found.bytes, "12312");
}

TEST_F(Collector, a_directory_in_which_no_pattern_can_match_costs_nothing) {
    limits_.entries = 10;
    beside_.patterns = {"wanted/*"};
    work_.make_directory("crowd");
    work_.make_directory("wanted");
    for (int i = 0; i < 50; ++i) work_.write("crowd/" + std::to_string(i), "");
    work_.write("wanted/a", "x");
    const auto found = collect();
    EXPECT_EQ(paths(found), (std::vector<std::string>{"wanted/a"}));
    EXPECT_FALSE(found.truncated);
}

TEST_F(Collector, patterns_too_deep_are_said_to_be_left_out) {
    beside_.patterns = {"**/x"};
    std::string path = "d";
    for (int i = 0; i < 20; ++i) path += "/d";
    work_.make_directory(path);
    work_.write(path + "/x", "x");
    const auto found = collect();
    EXPECT_TRUE(found.files.empty());
    EXPECT_TRUE(found.truncated);
}

TEST_F(Collector, a_file_that_a_pattern_takes_and_that_is_replaced_during_the_walk_never_leads_outside) {
    beside_.patterns = {"a/*", "b"};
    work_.make_directory("a");
    work_.write("a/f", "inside");
    work_.make_directory("other");
    ASSERT_EQ(symlink("/etc", (work_ / "link").c_str()), 0);
    ASSERT_EQ(symlink("/etc/passwd", (work_ / "file_link").c_str()), 0);
    work_.write("b", "inside");
    std::atomic<bool> stop{false};
    std::thread swapper([&] {
        while (!stop) {
            for (const auto& [one, two] : {std::pair("a", "link"), std::pair("b", "file_link")})
                syscall(SYS_renameat2, AT_FDCWD, (work_ / one).c_str(), AT_FDCWD, (work_ / two).c_str(), 2U);
        }
    });
    bool outside = false;
    for (int i = 0; i < 300; ++i) {
        const auto found = collect();
        for (const auto& file : found.files) outside = outside || (file.stored && file.sha256 != sha256_hex("inside"));
    }
    stop = true;
    swapper.join();
    EXPECT_FALSE(outside);
}

TEST_F(Collector, leaves_nothing_is_false_when_something_beside_out_is_wanted) {
    const FileDescriptor fd(open(work_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    EXPECT_FALSE(leaves_nothing(fd.get(), {{"*.log"}, {}}));
}

}  // namespace
}  // namespace windlass::worker
