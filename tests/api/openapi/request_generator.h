// Requests made from the OpenAPI document: as it says, a little off, and hostile. The same seed gives the same ones,
// given the same ids.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windlass::api::test {

struct GeneratedRequest {
    std::string operation;  // "GET /api/jobs/{id}/"; what it was made from
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::uint64_t who = 0;  // a number for the caller to choose the credential by
};

class RequestGenerator {
  public:
    RequestGenerator(const rapidjson::Value& document, std::uint64_t seed);

    // What paths may name because it is there: by the name of the parameter ("id", "sha256", "name", "subject").
    void remember(const std::string& parameter, std::string value);

    GeneratedRequest next();
    std::size_t operations() const { return operations_.size(); }
    // Those that are not in `known`, as GeneratedRequest::operation names them.
    std::vector<std::string> operations_without(const std::set<std::string>& known) const;

    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    bool once_in(std::uint64_t times) { return below(times) == 0; }

  private:
    using Value = rapidjson::Value;
    struct Operation {
        std::string method;
        std::string path;
        const Value* about;
    };

    std::string path_of(const Operation& operation);
    std::string query_of(const Operation& operation);
    std::string body_of(const Value& request, GeneratedRequest& made);
    std::string json_body(const Value& media);
    std::string broken_text(std::string json);
    std::string weird_path();
    std::string hostile_text();
    std::string text_for(const Value& schema, bool valid);
    Value valid_value(const Value& schema, int depth);
    Value valid_text(const Value& schema);
    Value valid_number(const Value& schema, bool whole);
    Value valid_object(const Value& schema, int depth);
    Value hostile_value();
    void spoil(Value& root);

    const Value& resolved(const Value& schema) const;
    template <class List>
    const auto& one_of(const List& list) {
        return list[below(std::size(list))];
    }

    const Value& document_;
    std::mt19937_64 random_;
    rapidjson::Document scratch_;
    std::vector<Operation> operations_;
    std::map<std::string, std::vector<std::string>> known_;
    std::uint64_t number_ = 0;
};

}  // namespace windlass::api::test
