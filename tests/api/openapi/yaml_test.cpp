#include "api/openapi/yaml.h"

#include <gtest/gtest.h>

#include "shared/json.h"

namespace windlass::api {
namespace {

std::string yaml_of(const char* json) {
    JsonRules rules;
    rules.allow_nul = true;
    const auto value = parse_json(json, rules);
    EXPECT_TRUE(value) << json;
    return value ? to_yaml(*value) : std::string();
}

TEST(Yaml, ObjectsAndListsAreBlocks) {
    EXPECT_EQ(yaml_of(R"({"a": 1, "b": {"c": [true, null, {"d": 2, "e": []}], "f": {}}, "g": [[1, 2], ["x"]]})"),
              "a: 1\n"
              "b:\n"
              "  c:\n"
              "    - true\n"
              "    - null\n"
              "    - d: 2\n"
              "      e: []\n"
              "  f: {}\n"
              "g:\n"
              "  - - 1\n"
              "    - 2\n"
              "  - - x\n");
}

TEST(Yaml, WhatCouldBeTakenForSomethingElseIsQuoted) {
    EXPECT_EQ(yaml_of(R"(["no", "On", "NULL", "~", "", "1", "1e3", "2026-01-31", "a: b", "a #b", " a", "-", "é"])"),
              "- \"no\"\n- \"On\"\n- \"NULL\"\n- \"~\"\n- \"\"\n- \"1\"\n- \"1e3\"\n- \"2026-01-31\"\n- \"a: b\"\n"
              "- \"a #b\"\n- \" a\"\n- \"-\"\n- \"é\"\n");
    EXPECT_EQ(yaml_of(R"({"yes": "application/json", "404": "text"})"), "\"yes\": application/json\n\"404\": text\n");
}

TEST(Yaml, LinesAndControlsAreEscaped) {
    EXPECT_EQ(yaml_of(R"(["a\nb\t\"c\"\\", "\u0000\u0007\u007f\u0085\u2028\ufeff\uffff"])"),
              "- \"a\\nb\\t\\\"c\\\"\\\\\"\n"
              "- \"\\u0000\\u0007\\u007F\\u0085\\u2028\\uFEFF\\uFFFF\"\n");
}

TEST(Yaml, NumbersAreNumbersForReadersOfOldVersionsToo) {
    EXPECT_EQ(yaml_of("[0.001, 9007199254740991, -5, 1e300, 1.5e-9]"),
              "- 0.001\n- 9007199254740991\n- -5\n- 1.0e+300\n- 1.5e-9\n");
}

}  // namespace
}  // namespace windlass::api
