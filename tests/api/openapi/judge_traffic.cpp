// windlass_judge_traffic DIRECTORY: reads *.jsonl there, requests and answers of real clients as
// tests/end_to_end/harness.py records them, and says which of them are not as the OpenAPI document has it. Ends with 1
// if there are any.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "answer_check.h"
#include "api/auth/base64url.h"
#include "api/front/target.h"
#include "shared/json.h"

namespace windlass::api::test {
namespace {

constexpr std::size_t most_shown = 40;

struct Exchange {
    Request request;
    Response response;
    bool whole = true;  // the answer's body was kept
};

using Headers = std::vector<std::pair<std::string, std::string>>;

Headers headers_of(const rapidjson::Value& pairs) {
    Headers headers;
    for (const auto& pair : pairs.GetArray()) headers.emplace_back(pair[0].GetString(), pair[1].GetString());
    return headers;
}

// nullopt: it was too large to be kept.
std::optional<std::string> body_of(const rapidjson::Value& kept) {
    return kept.IsNull() ? std::nullopt : from_base64url(text_of(kept));
}

// nullopt: no request that the document could speak of: its target is none.
std::optional<Exchange> exchange_of(const rapidjson::Document& line) {
    Exchange exchange;
    auto& request = exchange.request;
    request.method = line["method"].GetString();
    request.target = line["target"].GetString();
    auto target = parse_target(request.target);
    if (!target) return std::nullopt;
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    request.headers = headers_of(line["sent"]);
    request.body = body_of(line["request"]).value_or("");
    auto& response = exchange.response;
    response.status = line["status"].GetInt();
    response.content_type.clear();
    for (auto& [name, value] : headers_of(line["headers"])) {
        if (name == "Content-Type")
            response.content_type = value;
        else
            response.headers.emplace_back(name, value);
    }
    const auto body = body_of(line["answer"]);
    // HTTP leaves the body of these out, whatever it would have been.
    exchange.whole = body.has_value() && request.method != "HEAD" && response.status != 206;
    response.body = body.value_or("");
    if (request.method == "HEAD") response.content_type.clear();
    return exchange;
}

struct Judged {
    std::size_t exchanges = 0;
    std::map<std::string, std::size_t> faults;  // how often
};

void judge(const std::filesystem::path& path, Judged& judged) {
    std::ifstream file(path);
    for (std::string text; std::getline(file, text);) {
        const auto line = parse_json(text, {.allow_nul = true});
        if (!line) continue;  // the last one, of a test that was killed
        const auto exchange = exchange_of(*line);
        if (!exchange) continue;
        ++judged.exchanges;
        const auto fault =
            fault_of_answer(exchange->request, exchange->response, exchange->response.body, exchange->whole);
        if (!fault.empty()) ++judged.faults[path.stem().string() + ": " + fault];
    }
}

int judge_all(const std::string& directory) {
    std::vector<std::filesystem::path> files;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory, none))
        if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    Judged judged;
    for (const auto& file : files) judge(file, judged);
    if (judged.exchanges == 0) {
        fmt::print("Nothing was recorded in {}: run the tests end_to_end.* first\n", directory);
        return 0;
    }
    std::size_t shown = 0;
    for (const auto& [fault, count] : judged.faults)
        if (shown++ < most_shown) fmt::print("{} times: {}\n\n", count, fault);
    fmt::print("{} exchanges of {} tests judged by the document, {} different faults\n", judged.exchanges, files.size(),
               judged.faults.size());
    return judged.faults.empty() ? 0 : 1;
}

}  // namespace
}  // namespace windlass::api::test

int main(int argc, char** argv) {
    if (argc == 2) return windlass::api::test::judge_all(argv[1]);
    fmt::print(stderr, "usage: windlass_judge_traffic DIRECTORY\n");
    return 2;
}
