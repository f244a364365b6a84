#include "api/openapi/description.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "api/openapi/docs_page.h"
#include "api/routes.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

using embedded::File;

OrProblem<Reply> nothing(const Call&) {
    return Reply(Response{});
}

constexpr File common = {"common.json", R"({
    "info": {"title": "T"},
    "security": {"bearer": {"type": "http", "scheme": "bearer"}},
    "idempotency_key": {"schema": {"type": "string"}},
    "errors": {"problem": {"type": "application/problem+json", "schema": "Problem"},
               "fields": {"type": "application/json", "schema": "Problem"}},
    "error_headers": {"401": {"WWW-Authenticate": "x"}},
    "statuses": {"400": "b", "401": "u", "403": "f", "404": "n", "405": "m", "409": "c", "413": "l", "422": "k",
                 "429": "r", "503": "a", "default": "d"},
    "schemas": {"Problem": {"type": "object"}}})"};

constexpr Route show_thing = {"GET",   "/api/things/{id}/", Family::jobs, Access::user, Scope::jobs_read,
                              nothing, "One thing"};

std::string all(const std::vector<std::string>& faults) {
    std::string text;
    for (const auto& fault : faults) text += "\n  " + fault;
    return text;
}

Description describe_thing(std::string_view jobs) {
    const std::array<File, 2> texts = {common, File{"jobs.json", jobs}};
    return describe({&show_thing, 1}, texts);
}

TEST(Description, EveryRouteIsDocumentedAndNothingElse) {
    const auto& description = published_description();
    EXPECT_TRUE(description.faults.empty()) << all(description.faults);
    std::size_t operations = 0;
    for (const auto& path : description.document["paths"].GetObject()) operations += path.value.MemberCount();
    EXPECT_EQ(operations, routes().size());
}

TEST(Description, EveryOperationSaysWhoMayCallIt) {
    for (const auto& path : published_description().document["paths"].GetObject()) {
        for (const auto& operation : path.value.GetObject()) {
            const std::string who = operation.value["x-windlass-access"].GetString();
            EXPECT_EQ(who == "anyone", operation.value["security"].Empty()) << path.name.GetString();
            EXPECT_EQ(who == "anyone", !operation.value.HasMember("x-windlass-scope")) << path.name.GetString();
            // Routes for anyone may refuse for reasons of their own: registration is closed, a login from another site.
            EXPECT_TRUE(who == "anyone" || operation.value["responses"].HasMember("403")) << path.name.GetString();
        }
    }
}

TEST(Description, WhatFollowsFromTheRouteIsAdded) {
    const auto made = describe_thing(R"({"parameters": {"id": {"schema": {"type": "string"}}}, "operations": {
        "GET /api/things/{id}/": {"id": "showThing", "answers": {"200": {"description": "It.", "schema": "Thing[]"},
                                                                  "404": "No such thing."}}},
        "schemas": {"Thing": {"type": "object", "properties": {"other": {"$ref": "Thing"}}}}})");
    ASSERT_TRUE(made.faults.empty()) << all(made.faults);
    const auto& operation = made.document["paths"]["/api/things/{id}/"]["get"];
    for (const char* status : {"200", "400", "401", "403", "404", "405", "429", "503", "default"})
        EXPECT_TRUE(operation["responses"].HasMember(status)) << status;
    EXPECT_FALSE(operation["responses"].HasMember("413"));
    EXPECT_EQ(text_of(operation["responses"]["404"]["description"]), "No such thing.");
    EXPECT_EQ(text_of(operation["responses"]["200"]["content"]["application/json"]["schema"]["items"]["$ref"]),
              "#/components/schemas/Thing");
    EXPECT_EQ(text_of(made.document["components"]["schemas"]["Thing"]["properties"]["other"]["$ref"]),
              "#/components/schemas/Thing");
    EXPECT_TRUE(operation["parameters"][0]["required"].GetBool());
    EXPECT_EQ(text_of(operation["x-windlass-scope"]), "jobs:read");
}

struct Bad {
    const char* name;
    const char* text;
    const char* fault;
};
class BadDescription : public ::testing::TestWithParam<Bad> {};

TEST_P(BadDescription, IsRefusedInASentence) {
    const auto made = describe_thing(GetParam().text);
    ASSERT_FALSE(made.faults.empty());
    EXPECT_NE(all(made.faults).find(GetParam().fault), std::string::npos) << all(made.faults);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadDescription,
    ::testing::Values(
        Bad{"NoOperation", R"({"operations": {}})", "GET /api/things/{id}/ has no documentation"},
        Bad{"NoJson", R"({"operations": )", "jobs.json is not JSON"},
        Bad{"NoAnswers", R"({"operations": {"GET /api/things/{id}/": {"id": "x"}}})", "needs id and answers"},
        Bad{"NoParameter", R"({"operations": {"GET /api/things/{id}/": {"id": "x", "answers": {}}}})",
            "nothing is said about its parameter id"},
        Bad{"NoSuchRoute", R"({"operations": {"PUT /api/things/": {"id": "x", "answers": {}}}})",
            "documents PUT /api/things/, which is no route"},
        Bad{"NoSuchParameter",
            R"({"operations": {"GET /api/things/{id}/": {"id": "x", "answers": {}, "parameters": {"size": {}}}}})",
            "it has no parameter size"},
        Bad{"Misspelt", R"({"operations": {"GET /api/things/{id}/": {"id": "x", "answers": {}, "anwsers": {}}}})",
            "nobody reads \"anwsers\""},
        Bad{"NoSuchSchema",
            R"({"operations": {"GET /api/things/{id}/": {"id": "x", "answers": {"200": {"description": "", "schema": "Thnig"}}}}})",
            "there is no schema Thnig"},
        Bad{"SchemaTwice", R"({"schemas": {"Problem": {}}})", "the schema Problem is there already"}),
    [](const auto& bad) { return std::string(bad.param.name); });

TEST(PlainPage, ListsEveryOperationWithoutScripts) {
    const auto page = plain_page(published_description().document);
    for (const auto& route : routes()) EXPECT_NE(page.find(std::string(route.summary.substr(0, 8))), std::string::npos);
    EXPECT_NE(page.find("/api/jobs/submit/"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace windlass::api
