// A script that is to be a job: who runs it, and the flags of a submit that stand in its comments. Pure.
//
//     #!/usr/bin/python3
//     #WINDLASS --memory 2GiB --timeout 1h
//     #WINDLASS --name "the whole thing"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::cli {

struct Script {
    std::string interpreter;              // of its first line (#!), with its argument; /bin/sh without one
    std::vector<std::string> directives;  // the words of all #WINDLASS lines; above the first line that is no comment
};

// invalid, naming the line: a quote that is not closed.
Result<Script> read_script(std::string_view text);

// Words as a shell splits them: 'as it stands', "with \" inside", back\ slash. invalid: a quote that is not closed.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace windlass::cli
