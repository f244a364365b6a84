// A strict reader of Prometheus' text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/), and of the habits of naming.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace windlass::test {

struct Exposition {
    struct Family {
        std::string type, help;
    };
    std::map<std::string, Family> families;
    std::map<std::string, double> samples;  // by `name{label="value",…}`, as it stands there
    std::vector<std::string> faults;        // sentences; empty: all is well

    // Of the samples of this family.
    std::set<std::string> names() const;
};

Exposition read_exposition(std::string_view text);

// What `promtool check metrics` says of it: empty when it has no complaint, or is not installed.
std::string complaints_of_promtool(const std::string& text);

}  // namespace windlass::test
