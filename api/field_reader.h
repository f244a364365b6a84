// Reads the members of one JSON object into C++ values, and collects what is wrong with them: every fault with its
// pointer, not only the first. An unknown key is a fault: a setting that is accepted and ignored is a lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "shared/json.h"

namespace windlass::api {

// Faults of one body. Ends as one Problem: 400 if anything is malformed, 422 if things are only more than is allowed
// here.
class Faults {
  public:
    void bad(std::string pointer, std::string detail) { add(bad_, std::move(pointer), std::move(detail)); }
    void too_much(std::string pointer, std::string detail) { add(too_much_, std::move(pointer), std::move(detail)); }
    bool any() const { return !bad_.empty() || !too_much_.empty(); }
    Problem problem() &&;

  private:
    static void add(std::vector<FieldError>& list, std::string pointer, std::string detail);

    std::vector<FieldError> bad_;
    std::vector<FieldError> too_much_;
};

// "~" and "/" escaped as in RFC 6901.
std::string pointer_to(std::string_view parent, std::string_view key);

class FieldReader {
  public:
    // `object` must be an object and live as long as the views that are handed out.
    FieldReader(const rapidjson::Value& object, std::string pointer, Faults& faults);

    // Required ones report their absence; the others give nullopt when absent. A wrong type is a fault and gives
    // nullopt. null is a wrong type.
    std::optional<std::string_view> required_text(std::string_view key);
    std::optional<std::string_view> text(std::string_view key);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
    std::optional<double> number(std::string_view key);
    const rapidjson::Value* object(std::string_view key);
    // The value, whatever it is, taken as known.
    const rapidjson::Value* any(std::string_view key);

    void bad(std::string_view key, std::string detail) { faults_.bad(pointer_to(pointer_, key), std::move(detail)); }
    void too_much(std::string_view key, std::string detail) {
        faults_.too_much(pointer_to(pointer_, key), std::move(detail));
    }

    // After the last one: reports every key that nobody asked for.
    void refuse_others();

  private:
    const rapidjson::Value& object_;
    std::string pointer_;
    Faults& faults_;
    std::uint64_t seen_ = 0;  // bit i: member i was asked for; members beyond 64 are unknown anyway
};

std::string_view type_name(const rapidjson::Value& value);

// The body of a request as one JSON object; 400 if it is anything else.
OrProblem<rapidjson::Document> parse_object(std::string_view body);

}  // namespace windlass::api
