// Reads bodies of the monitoring family: keys match in any case ("userName", "UserName"), unknown keys are ignored,
// null means absent. Two keys that differ in case alone are a fault when they are asked for: nobody can say which was
// meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/field_reader.h"

namespace windlass::api {

class AnyCaseFields {
  public:
    // `object` must be an object; both live longer than this. Keys are asked for as the contract writes them
    // ("UserName"), and so they stand in faults.
    AnyCaseFields(const rapidjson::Value& object, Faults& faults) : object_(object), faults_(faults) {}

    // Absent, null or at fault: nullopt.
    std::optional<std::string> text(std::string_view key);
    std::optional<std::int64_t> integer(std::string_view key);
    std::optional<double> number(std::string_view key);
    std::optional<bool> truth(std::string_view key);
    std::optional<std::vector<std::string>> texts(std::string_view key);
    // The value, whatever it is; null pointer: absent or null.
    const rapidjson::Value* any(std::string_view key);

    void bad(std::string_view key, std::string_view detail);

  private:
    const rapidjson::Value& object_;
    Faults& faults_;
};

}  // namespace windlass::api
