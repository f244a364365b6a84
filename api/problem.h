// What a client is told when something does not work: RFC 9457 problem+json, and the one place where the kinds of Error
// become status codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/front/exchange.h"
#include "shared/json.h"
#include "shared/result.h"

namespace windlass::api {

// One fault of the input, and where it is: a JSON pointer (RFC 6901) into the body, "" for all of it; or the name of a
// query parameter as "?name".
struct FieldError {
    std::string pointer;
    std::string detail;
};

struct Problem {
    int status = 500;
    std::string detail;
    std::vector<FieldError> errors;
    std::optional<std::int64_t> retry_after_s;  // 429 and 503 always have it
    std::vector<std::pair<std::string, std::string>> headers;
    std::string type = "about:blank";  // a URN where programs tell this problem from others with the same status
    std::string log_only;  // what the log gets beside the detail: our own faults, in words that are not for strangers
};

Problem make_problem(int status, std::string detail);
// 400 for one member of the body, or one query parameter.
Problem bad_field(std::string pointer, std::string detail);
Problem not_found(std::string detail);
Problem try_again_later(std::string detail, std::int64_t seconds = 1);

// The error translation: kind of Error -> status.
Problem problem_of(const Error& error);

// The members of the object, without the braces' neighbours: also used inside the answer to a batch.
void write_problem(JsonWriter& json, const Problem& problem, std::string_view request_id);
Response problem_response(const Problem& problem, std::string_view request_id);

std::string_view status_phrase(int status);

// A value, or the problem that the client is told.
template <class T>
class [[nodiscard]] OrProblem {
  public:
    OrProblem(T value) : state_(std::in_place_index<0>, std::move(value)) {}              // NOLINT: implicit on purpose
    OrProblem(Problem problem) : state_(std::in_place_index<1>, std::move(problem)) {}    // NOLINT
    OrProblem(const Error& error) : state_(std::in_place_index<1>, problem_of(error)) {}  // NOLINT

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    Problem& error() & { return std::get<1>(state_); }
    const Problem& error() const& { return std::get<1>(state_); }
    Problem&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Problem> state_;
};

}  // namespace windlass::api

// WINDLASS_TRY (shared/result.h) works with OrProblem too, and turns the Error of a Result into a Problem on the way.
