#include "api/monitoring/any_case_fields.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

struct Body {
    explicit Body(const char* text) : document(parse_json(text).value()), fields(document, faults) {}
    // The first fault: where, and what.
    std::string fault() && {
        if (!faults.any()) return "";
        const Problem problem = std::move(faults).problem();
        return problem.errors.front().pointer + ": " + problem.errors.front().detail;
    }
    rapidjson::Document document;
    Faults faults;
    AnyCaseFields fields;
};

TEST(AnyCaseFields, keys_match_in_any_case) {
    Body body(R"({"userName":"ada","NUMNODES":4,"isrunning":true,"Mean":0.5,"rOLES":["user","admin"]})");
    EXPECT_EQ(body.fields.text("UserName"), "ada");
    EXPECT_EQ(body.fields.integer("NumNodes"), 4);
    EXPECT_EQ(body.fields.truth("IsRunning"), true);
    EXPECT_EQ(body.fields.number("Mean"), 0.5);
    EXPECT_EQ(body.fields.texts("Roles"), (std::vector<std::string>{"user", "admin"}));
    EXPECT_FALSE(body.faults.any());
}

TEST(AnyCaseFields, null_and_absent_are_the_same_and_other_keys_do_not_matter) {
    Body body(R"({"UserName":null,"roles":null,"Whatever":{"x":1}})");
    EXPECT_EQ(body.fields.text("UserName"), std::nullopt);
    EXPECT_EQ(body.fields.texts("Roles"), std::nullopt);
    EXPECT_EQ(body.fields.integer("NumNodes"), std::nullopt);
    EXPECT_EQ(body.fields.any("UserName"), nullptr);
    EXPECT_FALSE(body.faults.any());
}

TEST(AnyCaseFields, a_wrong_type_is_a_fault_of_the_key_as_the_contract_writes_it) {
    Body body(R"({"username":1,"roles":"admin","numnodes":1.5,"isrunning":"yes","names":["a",2]})");
    EXPECT_EQ(body.fields.text("UserName"), std::nullopt);
    EXPECT_EQ(body.fields.texts("Roles"), std::nullopt);
    EXPECT_EQ(body.fields.integer("NumNodes"), std::nullopt);
    EXPECT_EQ(body.fields.truth("IsRunning"), std::nullopt);
    EXPECT_EQ(body.fields.texts("Names"), std::nullopt);
    const Problem problem = std::move(body.faults).problem();
    EXPECT_EQ(problem.status, 400);
    ASSERT_EQ(problem.errors.size(), 5u);
    EXPECT_EQ(problem.errors[0].pointer, "/UserName");
    EXPECT_EQ(problem.errors[0].detail, "must be a string, not a number");
}

TEST(AnyCaseFields, one_key_in_two_spellings_is_a_fault) {
    Body body(R"({"Roles":["user"],"roles":["admin"]})");
    EXPECT_EQ(body.fields.texts("Roles"), std::nullopt);
    EXPECT_EQ(std::move(body).fault(), "/Roles: is there twice");
}

}  // namespace
}  // namespace windlass::api
