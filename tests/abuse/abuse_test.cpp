// Each hostile program of programs/ in a box: it must be stopped, and the host must look as before.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>

#include "tests/abuse/evidence.h"

namespace windlass::worker::testing {
namespace {

using ::testing::IsEmpty;

class Abuse : public ::testing::TestWithParam<Act> {
  protected:
    static void SetUpTestSuite() {
        host = std::make_unique<Host>();
        box = std::make_unique<TestBox>(1);
    }
    static void TearDownTestSuite() {
        box.reset();
        host.reset();
    }
    static std::unique_ptr<Host> host;
    static std::unique_ptr<TestBox> box;
};
std::unique_ptr<Host> Abuse::host;
std::unique_ptr<TestBox> Abuse::box;

TEST_P(Abuse, is_stopped) {
    const Act& act = GetParam();
    if (act.needs_memory_controller && !has_memory_controller(*box))
        GTEST_SKIP() << "only a memory controller stops this";
    const Attack result = attack(*box, *host, act);
    fmt::print("  {:<24} {:<9} {:<13} {:<45} by: {}\n", act.program, act.argument, name(result.finished.outcome.kind),
               result.says.substr(0, 45), stopped_by(act, result));
    EXPECT_THAT(result.complaints, IsEmpty())
        << result.finished.out.substr(0, 200) << result.finished.err.substr(0, 200);
}

std::string test_name(const ::testing::TestParamInfo<Act>& act) {
    std::string argument;
    for (const char letter : std::string(act.param.argument)) argument += std::isalnum(letter) != 0 ? letter : '_';
    return act.param.program + argument;
}
INSTANTIATE_TEST_SUITE_P(Programs, Abuse, ::testing::ValuesIn(all_acts().begin(), all_acts().end()), test_name);

// The same programs in an image, which is busybox and nothing else. These get further there, and may: the root of an
// image is the job's own copy. What they do to the host and to the image itself is judged all the same.
const std::set<std::string> writes_to_its_own_root = {
    "change_attributes",    "climb_out",  "host_files",         "lease_host_file", "loosen_landlock", "map_for_writing",
    "overwrite_executable", "write_root", "reopen_for_writing", "unnamed_files"};
// Their traps lie in /usr of the host, which is not there.
const std::set<std::string> needs_the_hosts_usr = {"run_setuid", "use_device", "write_system_file"};

class AbuseInImage : public Abuse {
  protected:
    static void SetUpTestSuite() {
        Abuse::SetUpTestSuite();
        root = std::make_unique<TemporaryDirectory>();
        std::filesystem::permissions(root->path(), std::filesystem::perms(0755));
        for (const char* place : {"bin", "usr/bin", "etc"}) root->make_directory(place);
        if (!std::filesystem::exists("/bin/busybox")) return;
        std::filesystem::copy_file("/bin/busybox", *root / "bin/busybox");
        for (const char* word : {"sh", "chmod", "echo", "id", "cat"})
            std::filesystem::create_symlink("busybox", *root / ("bin/" + std::string(word)));
    }
    static void TearDownTestSuite() {
        root.reset();
        Abuse::TearDownTestSuite();
    }
    static std::unique_ptr<TemporaryDirectory> root;
};
std::unique_ptr<TemporaryDirectory> AbuseInImage::root;

TEST_P(AbuseInImage, is_stopped) {
    const Act& act = GetParam();
    if (!std::filesystem::exists("/bin/busybox")) GTEST_SKIP() << "needs the package busybox-static";
    if (act.needs_memory_controller && !has_memory_controller(*box))
        GTEST_SKIP() << "only a memory controller stops this";
    if (needs_the_hosts_usr.contains(act.program)) GTEST_SKIP() << "its trap is not in the image";
    BoxImage image;
    image.root_directory = std::filesystem::canonical(root->path());
    image.passwd = "job:x:{uid}:{gid}::/job:/bin/sh\n";
    const auto files = std::distance(std::filesystem::recursive_directory_iterator(image.root_directory), {});
    Attack result = attack(*box, *host, act, image);
    if (writes_to_its_own_root.contains(act.program))
        std::erase_if(result.complaints, [](const std::string& complaint) { return complaint.starts_with("exited "); });
    EXPECT_THAT(result.complaints, IsEmpty())
        << result.finished.out.substr(0, 200) << result.finished.err.substr(0, 200);
    EXPECT_EQ(std::distance(std::filesystem::recursive_directory_iterator(image.root_directory), {}), files)
        << "the image itself was changed";
}
INSTANTIATE_TEST_SUITE_P(Programs, AbuseInImage, ::testing::ValuesIn(all_acts().begin(), all_acts().end()), test_name);

TEST(AbusePrograms, are_all_in_the_table) {
    std::set<std::string> listed;
    std::set<std::string> written;
    for (const Act& act : all_acts()) listed.insert(act.program);
    for (const auto& entry : std::filesystem::directory_iterator(ABUSE_SOURCES))
        if (entry.path().extension() == ".c") written.insert(entry.path().stem());
    EXPECT_EQ(listed, written);
}

}  // namespace
}  // namespace windlass::worker::testing
