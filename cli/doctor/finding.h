// One thing that `windlass doctor` looked at. What is not well says how to mend it.
#pragma once

#include <string>
#include <vector>

namespace windlass::cli::doctor {

enum class Verdict { ok, warning, bad };

struct Finding {
    std::string about;  // one word: "database", "clock"
    Verdict verdict = Verdict::ok;
    std::string text;  // one sentence
    std::string fix;   // what to do; empty when it is well
};
using Findings = std::vector<Finding>;

Finding ok(std::string about, std::string text);
Finding warning(std::string about, std::string text, std::string fix);
Finding bad(std::string about, std::string text, std::string fix);

// For people: "ok   database: …", what is to do on a line below. With `only_faults` nothing of what is well.
std::string findings_text(const Findings& findings, bool only_faults);
// For programs: {"version", "ok", "findings": [{"about", "result", "text", "fix"}]}.
std::string findings_json(const Findings& findings);
// Warnings do not count.
bool all_well(const Findings& findings);

}  // namespace windlass::cli::doctor
