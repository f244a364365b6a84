#include "api/batch_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/field_reader.h"

namespace windlass::api {
namespace {

Problem too_many(const Config::Api& settings) {
    return make_problem(413, fmt::format("A batch has at most {} jobs here; send several.", settings.batch_jobs));
}

std::string_view trimmed(std::string_view line) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

OrProblem<ParsedBatch> parse_lines(std::string_view body, const Config::Api& settings) {
    ParsedBatch batch;
    while (!body.empty()) {
        const auto end = std::min(body.find('\n'), body.size());
        const auto line = trimmed(body.substr(0, end));
        body.remove_prefix(std::min(end + 1, body.size()));
        if (line.empty()) continue;
        if (std::cmp_greater_equal(batch.items.size(), settings.batch_jobs)) return too_many(settings);
        auto document = parse_json(line);
        if (!document) {
            batch.items.emplace_back(bad_field("", "The line is not valid JSON: " + document.error().message));
            continue;
        }
        auto& item = batch.items.emplace_back(parse_submit(*document, settings));
        if (!item) continue;
        item->code = batch.texts.emplace_back(item->code);
        item->data = batch.texts.emplace_back(item->data);
    }
    return batch;
}

OrProblem<ParsedBatch> parse_array(std::string_view body, const Config::Api& settings) {
    auto document = parse_json(body);
    if (!document) return bad_field("", "The body is not valid JSON: " + document.error().message);
    if (!document->IsArray())
        return bad_field(
            "", fmt::format("A batch is a JSON array, or one JSON object per line; this is {}.", type_name(*document)));
    if (std::cmp_greater(document->Size(), settings.batch_jobs)) return too_many(settings);
    ParsedBatch batch;
    batch.items.reserve(document->Size());
    for (const auto& item : document->GetArray()) batch.items.push_back(parse_submit(item, settings));
    batch.array = std::move(document).value();
    return batch;
}

}  // namespace

OrProblem<ParsedBatch> parse_batch(std::string_view body, std::string_view content_type, const Config::Api& settings) {
    const auto first = body.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return bad_field("", "The body is empty; it must be a JSON array, or one JSON object per line.");
    const bool lines = body[first] == '{' || content_type.substr(0, content_type.find(';')) == "application/x-ndjson";
    return lines ? parse_lines(body, settings) : parse_array(body, settings);
}

}  // namespace windlass::api
