#include "worker/disk_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "shared/limits.h"

namespace windlass::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DiskRoomTest : public ::testing::Test {
  protected:
    DiskRoom room(DiskRoom::Mark low) {
        return {{"/state", "/spool"}, low, [this](const std::string& directory) { return disks_[directory]; }};
    }
    std::map<std::string, DiskSpace> disks_ = {{"/state", {500 * mebibyte, gibibyte}},
                                               {"/spool", {500 * mebibyte, gibibyte}}};
};

TEST_F(DiskRoomTest, is_gone_below_the_mark_and_back_from_half_as_much_more_on) {
    DiskRoom marked = room({100 * mebibyte, 0});
    EXPECT_THAT(marked.why_none(), IsEmpty());
    disks_["/state"].free_bytes = 100 * mebibyte;
    EXPECT_THAT(marked.why_none(), IsEmpty()) << "at the mark";
    disks_["/state"].free_bytes--;
    EXPECT_THAT(marked.why_none(), HasSubstr("/state has 99 MiB free"));
    disks_["/state"].free_bytes = 149 * mebibyte;
    EXPECT_THAT(marked.why_none(), HasSubstr("until it has 150 MiB")) << "between the marks";
    disks_["/state"].free_bytes = 150 * mebibyte;
    EXPECT_THAT(marked.why_none(), IsEmpty());
    disks_["/state"].free_bytes = 149 * mebibyte;
    EXPECT_THAT(marked.why_none(), IsEmpty()) << "between the marks, from above";
}

TEST_F(DiskRoomTest, of_every_directory_counts) {
    DiskRoom marked = room({100 * mebibyte, 0});
    disks_["/spool"].free_bytes = 0;
    EXPECT_THAT(marked.why_none(), HasSubstr("/spool"));
}

TEST_F(DiskRoomTest, is_asked_for_in_parts_of_the_disk_too) {
    DiskRoom marked = room({mebibyte, 50});
    EXPECT_THAT(marked.why_none(), HasSubstr("/state has 500 MiB free"));
}

TEST_F(DiskRoomTest, is_there_without_marks_and_where_nobody_can_ask) {
    DiskRoom unmarked = room({0, 0});
    disks_["/state"].free_bytes = 0;
    EXPECT_THAT(unmarked.why_none(), IsEmpty());
    disks_["/state"] = {};
    DiskRoom marked = room({100 * mebibyte, 1});
    EXPECT_THAT(marked.why_none(), IsEmpty());
}

TEST_F(DiskRoomTest, of_this_machine_can_be_asked_for) {
    const DiskSpace space = DiskRoom::by_statvfs("/");
    EXPECT_GT(space.all_bytes, 0);
    EXPECT_LE(space.free_bytes, space.all_bytes);
    EXPECT_EQ(DiskRoom::by_statvfs("/no/such/place").all_bytes, 0);
}

}  // namespace
}  // namespace windlass::worker
