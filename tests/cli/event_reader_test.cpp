#include "cli/event_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace windlass::cli {
namespace {

TEST(EventReader, reads_the_same_events_however_the_bytes_are_cut) {
    const std::string text =
        "retry: 1000\n\n"
        "event: output\nid: 1:out:4:err:0\ndata: {\"a\":1}\n\n"
        ":\n\n"
        "data:two\r\ndata: lines\r\n\r\n"
        "id: 9\nevent: end\n\n"
        "event: end\ndata\n\n"
        "event: cut\ndata: off";
    const std::vector<std::string> expected = {"output|1:out:4:err:0|{\"a\":1}", "message|1:out:4:err:0|two\nlines",
                                               "end|9|"};
    for (std::size_t size = 1; size <= text.size(); ++size) {
        std::vector<std::string> seen;
        EventReader reader(
            [&](const ServerEvent& event) { seen.push_back(event.type + "|" + event.id + "|" + event.data); });
        for (std::size_t at = 0; at < text.size(); at += size) reader.add(std::string_view(text).substr(at, size));
        EXPECT_EQ(seen, expected) << size;
    }
}

}  // namespace
}  // namespace windlass::cli
