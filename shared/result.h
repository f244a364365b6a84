// Expected failures are values. Broken assumptions stop the program with a sentence (check()).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace windlass {

enum class ErrorKind {
    invalid,      // the caller's input is wrong; trying again unchanged is useless
    not_found,    // the thing named does not exist (or may not be seen)
    conflict,     // the thing is not in a state that allows this
    denied,       // not allowed
    unavailable,  // not now: something we depend on is away; try again later
    stale,        // fenced: written by somebody who no longer has the right to (an old attempt, an old leader)
    internal,     // our own fault
};

// What happened, to which thing, what to do next: one sentence or two, fit to be shown to the person concerned.
// Never contains a secret or a bound value of a query.
struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;

    // Adds context on the way up: "reading /etc/windlass.toml: permission denied".
    Error in(std::string_view where) && { return {kind, std::string(where) + ": " + std::move(message)}; }
};

inline Error make_error(ErrorKind kind, std::string message) {
    return {kind, std::move(message)};
}
// errno as an Error, "what: strerror".
Error errno_error(std::string_view what, int error_number);

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    Error& error() & { return *error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return *std::move(error_); }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

// A broken assumption: says what and where, then aborts. Never used for bad input.
[[noreturn]] void broken(const char* file, int line, std::string_view what);
// For tests that break assumptions on purpose: called instead of aborting; throws. nullptr: abort.
extern void (*on_broken)(std::string_view what);

}  // namespace windlass

#define WINDLASS_CHECK(condition, what)                                   \
    do {                                                                  \
        if (!(condition)) ::windlass::broken(__FILE__, __LINE__, (what)); \
    } while (false)

// WINDLASS_TRY(variable, expression): passes the error on, or binds the value.
#define WINDLASS_CONCAT_(a, b) a##b
#define WINDLASS_CONCAT(a, b) WINDLASS_CONCAT_(a, b)
#define WINDLASS_TRY(variable, expression)                                                                 \
    auto WINDLASS_CONCAT(result_, __LINE__) = (expression);                                                \
    if (!WINDLASS_CONCAT(result_, __LINE__)) return std::move(WINDLASS_CONCAT(result_, __LINE__)).error(); \
    variable = std::move(WINDLASS_CONCAT(result_, __LINE__)).value()
#define WINDLASS_TRY_STATUS(expression)                                                        \
    do {                                                                                       \
        if (auto try_status = (expression); !try_status) return std::move(try_status).error(); \
    } while (false)
