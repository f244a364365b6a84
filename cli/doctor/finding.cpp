#include "cli/doctor/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/json.h"

namespace windlass::cli::doctor {
namespace {

const char* word_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::warning:
            return "warning";
        case Verdict::bad:
            return "bad";
    }
    return "bad";
}

}  // namespace

Finding ok(std::string about, std::string text) {
    return {std::move(about), Verdict::ok, std::move(text), {}};
}
Finding warning(std::string about, std::string text, std::string fix) {
    return {std::move(about), Verdict::warning, std::move(text), std::move(fix)};
}
Finding bad(std::string about, std::string text, std::string fix) {
    return {std::move(about), Verdict::bad, std::move(text), std::move(fix)};
}

std::string findings_text(const Findings& findings, bool only_faults) {
    std::string text;
    for (const Finding& one : findings) {
        if (only_faults && one.verdict == Verdict::ok) continue;
        const char* const mark = one.verdict == Verdict::ok        ? "ok  "
                                 : one.verdict == Verdict::warning ? "warn"
                                                                   : "BAD ";
        text += fmt::format("{} {}: {}\n", mark, one.about, one.text);
        if (!one.fix.empty()) text += fmt::format("     to mend it: {}\n", one.fix);
    }
    return text;
}

std::string findings_json(const Findings& findings) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_key(writer, "version");
    put(writer, WINDLASS_VERSION);
    put_key(writer, "ok");
    writer.Bool(all_well(findings));
    put_key(writer, "findings");
    writer.StartArray();
    for (const Finding& one : findings) {
        writer.StartObject();
        for (const auto& [key, value] : {std::pair<const char*, std::string>("about", one.about),
                                         {"result", word_of(one.verdict)},
                                         {"text", one.text},
                                         {"fix", one.fix}}) {
            put_key(writer, key);
            put(writer, to_valid_utf8(value));
        }
        writer.EndObject();
    }
    writer.EndArray();
    writer.EndObject();
    return std::string(text_of(buffer));
}

bool all_well(const Findings& findings) {
    return std::ranges::none_of(findings, [](const Finding& one) { return one.verdict == Verdict::bad; });
}

}  // namespace windlass::cli::doctor
