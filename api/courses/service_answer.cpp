#include "api/courses/service_answer.h"

#include <algorithm>
#include <charconv>

#include "api/front/header_text.h"
#include "shared/service_ticket.h"

namespace windlass::api {
namespace {

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && byte != '\t') || byte == 0x7f;
    });
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::string_view ServiceAnswer::header(std::string_view name) const {
    for (const auto& [key, value] : headers_)
        if (equal_without_case(key, name)) return value;
    return {};
}

ServiceAnswer::State ServiceAnswer::broken(std::string why) {
    why_ = std::move(why);
    held_.clear();
    return state_ = State::broken;
}

ServiceAnswer::State ServiceAnswer::feed(std::string_view bytes, std::string& body) {
    if (state_ != State::head && state_ != State::body && state_ != State::switched) return state_;
    held_ += bytes;
    if (!admitted_ && !read_line()) return state_;
    if (state_ == State::head) read_head();
    if (state_ == State::body) read_body(body);
    return state_;
}

ServiceAnswer::State ServiceAnswer::end() {
    if (state_ == State::body && framing_ == Framing::until_end) return state_ = State::complete;
    if (state_ == State::head) return broken("it ended before it had answered");
    if (state_ == State::body) return broken("it ended in the middle of its answer");
    return state_;
}

// The worker's, before the first byte of the service.
bool ServiceAnswer::read_line() {
    const auto end = held_.find('\n');
    if (end == std::string::npos) {
        if (held_.size() > longest_service_line) broken("the worker does not speak as it should");
        return false;
    }
    const std::string line = held_.substr(0, end);
    held_.erase(0, end + 1);
    admitted_ = line == "ok";
    if (admitted_) return true;
    if (!line.starts_with("no ")) {
        broken("the worker does not speak as it should");
        return false;
    }
    why_ = line.substr(3);
    state_ = State::refused;
    return false;
}

void ServiceAnswer::read_head() {
    for (;;) {
        const auto end = held_.find("\r\n\r\n");
        if (end == std::string::npos) {
            if (held_.size() > head_bytes) broken("its head is too long");
            return;
        }
        const std::string head = held_.substr(0, end + 2);
        held_.erase(0, end + 4);
        std::string_view rest = head;
        const auto take_line = [&rest] {
            const auto stop = rest.find("\r\n");
            const auto line = rest.substr(0, stop);
            rest.remove_prefix(stop + 2);
            return line;
        };
        const auto first = take_line();
        const std::uint64_t status = first.size() >= 12 ? number(first.substr(9, 3), 10).value_or(0) : 0;
        if (!first.starts_with("HTTP/1.") || first[8] != ' ' || (first.size() > 12 && first[12] != ' ') ||
            status < 100 || status > 599) {
            broken("what it answers is no HTTP/1.1");
            return;
        }
        status_ = static_cast<int>(status);
        headers_.clear();
        while (!rest.empty()) {
            const auto line = take_line();
            const auto colon = line.find(':');
            const auto name = line.substr(0, std::min(colon, line.size()));
            if (colon == std::string_view::npos || !is_token(name) || !is_field_value(line)) {
                broken("a header of its answer is none");
                return;
            }
            headers_.emplace_back(name, trimmed(line.substr(colon + 1)));
        }
        if (status_ == 101) {
            state_ = State::switched;
            return;
        }
        if (status_ >= 200) break;  // the others of the hundreds come before the answer
    }
    state_ = State::body;
    if (head_only_ || status_ == 204 || status_ == 304) {
        state_ = State::complete;
        return;
    }
    if (const auto coding = header("Transfer-Encoding"); !coding.empty()) {
        if (!equal_without_case(coding, "chunked")) {
            broken("its answer has a transfer coding that is not known here");
            return;
        }
        framing_ = Framing::chunked;
    } else if (const auto length = header("Content-Length"); !length.empty()) {
        const auto size = number(length, 10);
        const bool one = std::all_of(headers_.begin(), headers_.end(), [&](const auto& field) {
            return !equal_without_case(field.first, "Content-Length") || field.second == length;
        });
        if (!size || !one) {
            broken("the length of its answer is none");
            return;
        }
        framing_ = Framing::sized;
        left_ = *size;
        if (left_ == 0) state_ = State::complete;
    }
}

void ServiceAnswer::read_body(std::string& body) {
    if (framing_ == Framing::until_end) {
        body += std::exchange(held_, {});
        return;
    }
    while (!held_.empty() && state_ == State::body) {
        if (framing_ == Framing::sized || chunk_ == Chunk::data) {
            const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, held_.size()));
            body.append(held_, 0, part);
            held_.erase(0, part);
            left_ -= part;
            if (left_ > 0) continue;
            if (framing_ == Framing::sized)
                state_ = State::complete;
            else
                chunk_ = Chunk::data_end;
            continue;
        }
        const auto end = held_.find("\r\n");
        if (end == std::string::npos) {
            if (held_.size() > head_bytes) broken("a line between its chunks is too long");
            return;
        }
        const std::string line = held_.substr(0, end);
        held_.erase(0, end + 2);
        if (!read_chunk_line(line)) broken("its chunks are none");
    }
}

bool ServiceAnswer::read_chunk_line(std::string_view line) {
    switch (chunk_) {
        case Chunk::data_end:
            chunk_ = Chunk::size;
            return line.empty();
        case Chunk::trailer:
            if (line.empty()) state_ = State::complete;
            return true;
        case Chunk::size: {
            const auto size = number(trimmed(line.substr(0, line.find(';'))), 16);
            if (!size || *size > (std::uint64_t{1} << 60U)) return false;
            left_ = *size;
            chunk_ = left_ == 0 ? Chunk::trailer : Chunk::data;
            return true;
        }
        case Chunk::data:
            break;
    }
    return false;
}

}  // namespace windlass::api
