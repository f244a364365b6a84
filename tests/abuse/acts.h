// The hostile programs of programs/ with what must become of each.
#pragma once

#include <span>
#include <string_view>

namespace windlass::worker::testing {

enum class End {
    stopped,        // the program itself saw that it could not: exit status 10
    out_of_memory,  // the box was ended; without a memory controller: stopped
    out_of_disk,
    when_asked,  // goes on until the box is stopped, and is gone then
    killed,      // it kills itself, and nobody else
    harmless,    // exit status 0: what matters is what the host looks like
};

struct Act {
    const char* program;
    End end;
    const char* argument = "";
    bool needs_memory_controller = false;
    const char* before = nullptr;  // this program runs first, in the same slot, and is not looked at
};

std::span<const Act> all_acts();
const Act& act_named(std::string_view program);  // the first of that name

}  // namespace windlass::worker::testing
