// What a service answers, read from bytes as they come (RFC 9112, the client's side): the line of the worker, the head,
// then the body, however it is framed. Pure. Strict where a leniency could be used against the client: what cannot be
// understood is refused, not passed on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windlass::api {

class ServiceAnswer {
  public:
    static constexpr std::size_t head_bytes = 64 * 1024;

    // `head_only`: to HEAD, so that no body follows whatever is said.
    explicit ServiceAnswer(bool head_only) : head_only_(head_only) {}

    enum class State {
        head,      // not complete
        body,      // the head is there
        complete,  // nothing more belongs to it
        switched,  // 101: what follows is in rest()
        refused,   // by the worker: why() is its sentence
        broken,    // it is no HTTP/1.1: why() says what is wrong
    };
    // Takes all of `bytes`; what is body is appended to `body`.
    State feed(std::string_view bytes, std::string& body);
    // Nothing more comes. What may end so is complete then, all else is broken.
    State end();

    State state() const { return state_; }
    const std::string& why() const { return why_; }
    int status() const { return status_; }
    const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
    std::string_view header(std::string_view name) const;  // the first; empty if absent
    std::string take_rest() { return std::move(held_); }

  private:
    State broken(std::string why);
    bool read_line();
    void read_head();
    void read_body(std::string& body);
    bool read_chunk_line(std::string_view line);

    enum class Framing { until_end, sized, chunked };
    enum class Chunk { size, data, data_end, trailer };

    bool head_only_;
    State state_ = State::head;
    bool admitted_ = false;  // the worker's line was ok
    std::string held_;       // not yet understood
    std::string why_;
    int status_ = 0;
    std::vector<std::pair<std::string, std::string>> headers_;
    Framing framing_ = Framing::until_end;
    Chunk chunk_ = Chunk::size;
    std::uint64_t left_ = 0;  // of the body, or of the chunk
};

}  // namespace windlass::api
