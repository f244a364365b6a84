// Takes a body of multipart/form-data apart (RFC 7578, RFC 2046 section 5.1), as its bytes come. Pure, in constant
// memory whatever the body: what is in a part goes on to the receiver at once.
//
// Everything on which two readers may disagree is refused: a preamble, white space after a boundary, bare line feeds,
// folded headers, a boundary that only begins a longer word, a part without a name or with two of them, a transfer
// encoding that would have to be undone, something behind a form of no parts. The same bytes give the same parts
// however they are cut.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::api {

// The boundary named by a Content-Type; nullopt: it is not multipart/form-data with one good boundary.
std::optional<std::string> multipart_boundary(std::string_view content_type);

struct MultipartPart {
    std::string name;
    std::optional<std::string> filename;  // for nothing but being told apart from a plain field
    std::string content_type;             // as said, so: not to be believed; empty if absent
};

class MultipartReceiver {
  public:
    virtual ~MultipartReceiver() = default;
    // Parts come one after the other. An Error ends the reading and is what feed() gives back.
    virtual Status begin(const MultipartPart& part) = 0;
    // Of the part that has begun. `offset`: where these bytes lie in the body.
    virtual Status data(std::string_view bytes, std::int64_t offset) = 0;
    virtual Status end() = 0;
};

class MultipartParser {
  public:
    static constexpr int most_parts = 100;
    static constexpr std::size_t most_head_bytes = 8 * 1024;  // of one part

    MultipartParser(std::string_view boundary, MultipartReceiver& receiver);

    //   invalid  a sentence about what is wrong with the body; nothing more may be fed
    Status feed(std::string_view bytes);
    // After the last bytes: whether the body came to its end.
    Status finish() const;

  private:
    enum class State { first_boundary, after_boundary, head, data, epilogue };

    Status step(std::string_view rest, bool& more);
    Status take_boundary(std::string_view rest, bool& more);
    Status take_head(std::string_view rest, bool& more);
    Status take_data(std::string_view rest, bool& more);
    Status take_epilogue(std::string_view rest);
    Status give(std::string_view bytes);
    void used(std::size_t bytes);

    const std::string delimiter_;  // CRLF "--" boundary
    MultipartReceiver& receiver_;
    State state_ = State::first_boundary;
    std::string held_;         // not yet judged
    std::size_t at_ = 0;       // of held_: judged so far
    std::int64_t offset_ = 0;  // of held_[0] in the body
    int parts_ = 0;
};

}  // namespace windlass::api
