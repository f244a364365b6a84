// The judge itself: a test that cannot fail is none.
#include "answer_check.h"

#include <gtest/gtest.h>

namespace windlass::api::test {
namespace {

Request request(const std::string& method, const std::string& target, const std::string& body = {}) {
    Request made;
    made.method = method;
    made.path = target.substr(0, target.find('?'));
    made.target = target;
    made.body = body;
    return made;
}
Response response(int status, const std::string& type = "application/json") {
    Response made;
    made.status = status;
    made.content_type = type;
    return made;
}
void expect_fault(const std::string& fault, const std::string& part) {
    EXPECT_NE(fault.find(part), std::string::npos) << fault;
}

TEST(AnswerCheck, WhatIsDocumentedPasses) {
    const std::string line = R"([{"id": "1", "duration": "", "status": "queued"}])";
    EXPECT_EQ(fault_of_answer(request("GET", "/api/jobs/"), response(200), line), "");
    EXPECT_EQ(fault_of_answer(request("HEAD", "/api/jobs/"), response(200), line), "");
}

TEST(AnswerCheck, AnotherStatusShapeOrTypeIsAFaultThatIsNamed) {
    const auto jobs = request("GET", "/api/jobs/");
    expect_fault(fault_of_answer(jobs, response(500, "application/problem+json"), "{}"), "status is not documented");
    expect_fault(fault_of_answer(jobs, response(201), "[]"), "status is not documented");
    expect_fault(fault_of_answer(jobs, response(200, "text/plain"), "[]"), "content type is not documented");
    expect_fault(fault_of_answer(jobs, response(200), "{}"),
                 "GET /api/jobs/ -> 200 application/json: # breaks the rule \"type\"");
    const auto members = request("GET", "/api/jobs/1/members/");
    expect_fault(
        fault_of_answer(members, response(200), R"([{"id": "1", "index": 0, "duration": "", "status": "odd"}])"),
        "#/0/status breaks the rule \"enum\"");
    expect_fault(
        fault_of_answer(members, response(200), R"([{"id": "1", "index": 0, "duration": "1", "status": "queued"}])"),
        "#/0/duration breaks the rule \"pattern\"");
    expect_fault(fault_of_answer(members, response(200), R"([{"id": "1", "index": 0, "status": "queued"}])"),
                 "\"required\"");
    expect_fault(fault_of_answer(jobs, response(200), "[{"), "not JSON");
    auto limited = response(429, "application/problem+json");
    expect_fault(fault_of_answer(jobs, limited, R"({"type": "", "title": "", "status": 429, "detail": ""})"),
                 "it lacks Retry-After");
    expect_fault(fault_of_answer(request("DELETE", "/api/schedules/1/"), response(204), "x"), "the document says none");
    expect_fault(fault_of_answer(request("GET", "/nothing"), response(200), "{}"), "200 instead of 404");
    expect_fault(fault_of_answer(request("GET", "/nothing"), response(404, "text/plain"), ""), "no type of an error");
}

TEST(AnswerCheck, WhatWasTakenMustBeDocumentedToo) {
    const std::string id = R"({"id": "100000001"})";
    const std::string submit = "/api/jobs/submit/";
    EXPECT_EQ(fault_of_answer(
                  request("POST", submit, R"({"code": "", "data": "", "running_commands": "true", "priority": 1})"),
                  response(200), id),
              "");
    expect_fault(fault_of_answer(request("POST", submit,
                                         R"({"code": "", "data": "", "running_commands": "true", "priority": 101})"),
                                 response(200), id),
                 "this was taken, but by the document #/priority breaks the rule \"maximum\"");
    auto list = request("GET", "/api/jobs/?limit=5");
    list.query = {{"limit", "5"}};
    EXPECT_EQ(fault_of_answer(list, response(200), "[]"), "");
    list.query = {{"limit", "5000"}};
    expect_fault(fault_of_answer(list, response(200), "[]"), "limit=5000 was taken");
    list.query = {{"size", "5"}};
    expect_fault(fault_of_answer(list, response(200), "[]"), "the parameter size is not documented");
}

}  // namespace
}  // namespace windlass::api::test
