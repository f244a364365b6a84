// GET /api/schema/ and /api/docs/.
#include <regex>

#include "shared/json.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

using SchemaTest = ApiTest;

TEST_F(SchemaTest, IsYamlUnlessAskedOtherwise) {
    const auto answer = get("/api/schema/", "");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.response.content_type, "application/vnd.oai.openapi; charset=utf-8");
    EXPECT_TRUE(answer.body.starts_with("openapi: \"3.1.0\"\n")) << answer.body.substr(0, 100);
}

TEST_F(SchemaTest, FormatGoesBeforeAcceptAndAcceptBeforeTheDefault) {
    const auto type = [&](const std::string& target, const std::string& accept) {
        return send("GET", target, {}, {}, {{"Accept", accept}}).response.content_type;
    };
    EXPECT_EQ(type("/api/schema/", "application/json"), "application/json; charset=utf-8");
    EXPECT_EQ(type("/api/schema", "text/html, application/yaml;q=0.9, application/json;q=0.8"),
              "application/yaml; charset=utf-8");
    EXPECT_EQ(type("/api/schema/", "application/yaml;q=0.1, application/vnd.oai.openapi+json"),
              "application/vnd.oai.openapi+json; charset=utf-8");
    EXPECT_EQ(type("/api/schema/", "*/*"), "application/vnd.oai.openapi; charset=utf-8");
    EXPECT_EQ(type("/api/schema/?format=json", "application/yaml"), "application/json; charset=utf-8");
    EXPECT_EQ(type("/api/schema/?format=yaml&lang=de", "application/json"),
              "application/vnd.oai.openapi; charset=utf-8");
    const auto bad = get("/api/schema/?format=xml", "");
    EXPECT_EQ(bad.status, 400);
    EXPECT_EQ(bad.body, R"({"format":["format must be yaml or json."]})");
}

TEST_F(SchemaTest, IsTheSameInBothForms) {
    const auto json = get("/api/schema/?format=json", "").json();
    EXPECT_EQ(text_of(json["openapi"]), "3.1.0");
    EXPECT_TRUE(json["paths"].HasMember("/api/jobs/submit/"));
    EXPECT_TRUE(json["paths"].HasMember("/api/results/{id}/files/{path}"));
}

TEST_F(SchemaTest, IsNotSentAgainToWhoHasIt) {
    const auto first = get("/api/schema/", "");
    EXPECT_EQ(first.header("Cache-Control"), "no-cache");
    const auto again = send("GET", "/api/schema/", {}, {}, {{"If-None-Match", first.header("ETag")}});
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.body, "");
    EXPECT_NE(get("/api/schema/?format=json", "").header("ETag"), first.header("ETag"));
}

TEST_F(SchemaTest, ThePageIsStrictAndItsPartsAreHere) {
    const auto page = get("/api/docs/", "");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.response.content_type, "text/html; charset=utf-8");
    EXPECT_TRUE(page.header("Content-Security-Policy")
                    .starts_with("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                                 "connect-src 'self'"));
    EXPECT_EQ(page.body.find("://"), std::string::npos);
    EXPECT_EQ(page.body.find("{{"), std::string::npos);
    const std::regex part("(?:src|href)=\"(/api/docs/[^\"]+)\"");
    for (std::sregex_iterator at(page.body.begin(), page.body.end(), part); at != std::sregex_iterator(); ++at) {
        const std::string path = (*at)[1];
        const auto asset = get(path, "");
        EXPECT_EQ(asset.status, 200) << path;
        EXPECT_EQ(asset.response.content_type,
                  path.ends_with(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8");
        EXPECT_EQ(asset.header("Cache-Control"), "public, max-age=31536000, immutable");
        EXPECT_EQ(asset.header("Content-Encoding"), "");
        const auto small = send("GET", path, {}, {}, {{"Accept-Encoding", "br, gzip"}});
        EXPECT_EQ(small.header("Content-Encoding"), "gzip");
        EXPECT_TRUE(small.body.starts_with("\x1f\x8b"));
        EXPECT_LT(small.body.size(), asset.body.size());
        EXPECT_EQ(send("GET", path, {}, {}, {{"Accept-Encoding", "gzip;q=0"}}).header("Content-Encoding"), "");
    }
    const auto none = get("/api/docs/swagger-ui.css", "");
    EXPECT_EQ(none.status, 404);
    EXPECT_EQ(none.body, R"({"detail":"The page has no such part."})");
}

}  // namespace
}  // namespace windlass::api::test
