// Bodies of the accounts family: JSON objects whose unknown keys are ignored (its document says so), and faults in the
// words that its clients know.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/field_reader.h"
#include "api/front/exchange.h"

namespace windlass::api {

// 415 for a body that says it is something else than JSON, 400 for one that is not a JSON object. No body is {}.
OrProblem<rapidjson::Document> read_account_body(const Request& request);

class AccountFields {
  public:
    // `object` must be an object; both live longer than this.
    AccountFields(const rapidjson::Value& object, Faults& faults) : object_(object), faults_(faults) {}

    // Text that is not blank, of at most 255 characters, without spaces around it. nullopt: absent or at fault; absence
    // is a fault of a required one.
    std::optional<std::string> required(std::string_view key);
    std::optional<std::string> optional(std::string_view key);
    // The same with its spaces: a password's.
    std::optional<std::string> required_as_it_is(std::string_view key);
    void bad(std::string_view key, std::string sentence);

  private:
    const rapidjson::Value* find(std::string_view key) const;
    std::optional<std::string> checked(std::string_view key, const rapidjson::Value& value, bool as_it_is);

    const rapidjson::Value& object_;
    Faults& faults_;
};

}  // namespace windlass::api
