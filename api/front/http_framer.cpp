#include "api/front/http_framer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/front/header_text.h"
#include "api/front/target.h"

namespace windlass::api {
namespace {

// "1234567890abcdef" and CRLF: more digits than any body within the limits needs.
constexpr std::size_t chunk_line_bytes = 18;
// A declared length is not yet sent: memory is reserved as it arrives, beyond this.
constexpr std::int64_t reserve_at_once_bytes = 64 * 1024;

constexpr std::array<bool, 256> make_token_table() {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789")) table[static_cast<unsigned char>(c)] = true;
    for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
    for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
    return table;
}
constexpr auto token_table = make_token_table();  // RFC 9110 section 5.6.2

bool is_token(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return token_table[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

bool is_host(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return token_table[static_cast<unsigned char>(c)] || c == ':' || c == '[' || c == ']';
    });
}

// Names under which cpp-httplib hands the addresses of the socket to handlers. A client must not be able to say them.
bool is_reserved_name(std::string_view name) {
    return equal_without_case(name, "REMOTE_ADDR") || equal_without_case(name, "REMOTE_PORT") ||
           equal_without_case(name, "LOCAL_ADDR") || equal_without_case(name, "LOCAL_PORT");
}

}  // namespace

HttpFramer::Phase HttpFramer::phase() const {
    switch (state_) {
        case State::request_line:
            return partial_line_.empty() ? Phase::idle : Phase::head;
        case State::header:
            return Phase::head;
        case State::complete:
            return Phase::complete;
        case State::refused:
            return Phase::refused;
        default:
            return Phase::body;
    }
}

bool HttpFramer::refuse(int status, std::string detail) {
    refusal_ = {status, std::move(detail), framed_.request.path};
    state_ = State::refused;
    partial_line_.clear();
    spooled_.reset();
    framed_.request.spooled.reset();
    return false;
}

FramedRequest HttpFramer::take() {
    FramedRequest out = std::move(framed_);
    framed_ = {};
    spooled_.reset();
    state_ = State::request_line;
    head_bytes_ = 0;
    head_bytes_held_ = 0;
    header_count_ = 0;
    body_left_ = 0;
    content_length_ = -1;
    chunked_ = hosts_seen_ = content_type_seen_ = authorization_seen_ = expects_continue_ = skipped_empty_line_ = false;
    return out;
}

bool HttpFramer::take_continue() {
    if (!expects_continue_ || phase() != Phase::body) return false;
    const bool nothing_yet = body_received() == 0 && partial_line_.empty() && state_ != State::chunk_data;
    expects_continue_ = false;
    return nothing_yet;
}

HttpFramer::Step HttpFramer::feed(std::string_view bytes) {
    std::string_view rest = bytes;
    while (state_ != State::complete && state_ != State::refused) {
        const bool in_data = state_ == State::sized_body || state_ == State::chunk_data;
        if (!(in_data ? take_body(rest) : take_line(rest))) break;
    }
    const auto progress = state_ == State::complete  ? Progress::complete
                          : state_ == State::refused ? Progress::refused
                                                     : Progress::need_more;
    return {progress, bytes.size() - rest.size()};
}

// Limits are judged by position, never by how much one read brought, so that the answer does not depend on the cuts.
bool HttpFramer::within_line_limits(std::size_t size) {
    const auto length = static_cast<std::int64_t>(size);
    switch (state_) {
        case State::request_line:
            if (length > limits_.request_line_bytes) return refuse(414, "The request line is too long.");
            break;
        case State::header:
            if (header_count_ >= limits_.header_count && length > 2) {
                return refuse(431, "The request has more than " + std::to_string(limits_.header_count) + " headers.");
            }
            if (head_bytes_ + length > limits_.head_bytes) {
                return refuse(431, "The head of the request exceeds " + std::to_string(limits_.head_bytes) + " bytes.");
            }
            break;
        default:
            if (size > chunk_line_bytes) return refuse(400, "A chunk of the body begins with a line that is too long.");
    }
    return true;
}

std::string_view HttpFramer::next_line(std::string_view& input) {
    const auto end = input.find('\n');
    if (end == std::string_view::npos) {
        if (within_line_limits(partial_line_.size() + input.size())) partial_line_.append(input);
        input = {};
        return {};
    }
    auto line = input.substr(0, end + 1);
    if (!within_line_limits(partial_line_.size() + line.size())) return {};
    input.remove_prefix(end + 1);
    if (!partial_line_.empty()) {
        partial_line_.append(line);
        line = partial_line_;
    }
    if (line.size() < 2 || line[line.size() - 2] != '\r') {
        refuse(400, "A line ends with a bare LF; lines of HTTP end with CR LF.");
        return {};
    }
    return line;
}

bool HttpFramer::take_line(std::string_view& input) {
    if (input.empty()) return false;
    if (state_ == State::request_line && partial_line_.empty() && !may_begin_request(input.front())) return false;
    const auto whole = next_line(input);
    if (whole.empty()) return false;
    const auto line = whole.substr(0, whole.size() - 2);
    bool ok = false;
    switch (state_) {
        case State::request_line:
            head_bytes_ += static_cast<std::int64_t>(whole.size());
            ok = take_request_line(line);
            break;
        case State::header:
            head_bytes_ += static_cast<std::int64_t>(whole.size());
            ok = line.empty() ? end_head() : take_header(line);
            break;
        case State::chunk_size:
            ok = take_chunk_size(line);
            break;
        case State::chunk_end:
            ok = line.empty() || refuse(400, "A chunk of the body is longer than its declared size.");
            if (ok) state_ = State::chunk_size;
            break;
        default:
            ok = line.empty() || refuse(400, "Trailers after a chunked body are not served.");
            if (ok) state_ = State::complete;
    }
    partial_line_.clear();
    return ok;
}

// By its first byte: what is no HTTP may never send an LF, and would wait for the deadline of a head.
bool HttpFramer::may_begin_request(char first) {
    if (token_table[static_cast<unsigned char>(first)] || first == '\r' || first == '\n') return true;
    constexpr char tls_handshake = 0x16;  // RFC 8446 section 5.1: ContentType of the record with the ClientHello
    return first == tls_handshake ? refuse(400, "This port speaks plain HTTP: use http:// in the address.")
                                  : refuse(400, "The request line does not begin with a method.");
}

bool HttpFramer::take_method(std::string_view method) {
    static constexpr std::array<std::string_view, 7> served{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    if (!is_token(method)) return refuse(400, "The request line does not begin with a method.");
    if (method == "CONNECT" || method == "TRACE") {
        return refuse(405, "The method " + std::string(method) + " is not allowed on this server.");
    }
    if (std::find(served.begin(), served.end(), method) == served.end()) {
        return refuse(501, "The method is not known to this server (methods are written in upper case).");
    }
    framed_.request.method = method;
    return true;
}

bool HttpFramer::take_request_line(std::string_view line) {
    if (line.empty()) {
        // RFC 9112 section 2.2: one stray CRLF after a former body is to be skipped.
        if (std::exchange(skipped_empty_line_, true)) return refuse(400, "The request begins with empty lines.");
        return true;
    }
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last || last == first + 1) {
        return refuse(400, "The request line must be: method, one space, target, one space, HTTP/1.1.");
    }
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        const bool known_shape = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
        return known_shape ? refuse(505, "Only HTTP/1.1 and HTTP/1.0 are served.")
                           : refuse(400, "The request line does not end with an HTTP version.");
    }
    framed_.http_1_0 = version == "HTTP/1.0";
    framed_.keep_alive = !framed_.http_1_0;
    if (!take_method(line.substr(0, first))) return false;
    if (static_cast<std::int64_t>(target.size()) > limits_.target_bytes) {
        return refuse(414, "The request target exceeds " + std::to_string(limits_.target_bytes) + " bytes.");
    }
    auto parsed = parse_target(target);
    if (!parsed) return refuse(400, parsed.error().message);
    framed_.request.path = std::move(parsed->path);
    framed_.request.query = std::move(parsed->query);
    framed_.request.target = target;
    framed_.raw_path = target.substr(0, target.find('?'));
    head_bytes_held_ = 3 * line.size();
    state_ = State::header;
    return true;
}

bool HttpFramer::take_header(std::string_view line) {
    ++header_count_;
    if (line.front() == ' ' || line.front() == '\t') return refuse(400, "Folded header lines are not served.");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return refuse(400, "A header line has no colon.");
    const auto name = line.substr(0, colon);
    if (!is_token(name)) return refuse(400, "A header name is empty or has a character that is not allowed in it.");
    const auto value = trimmed(line.substr(colon + 1));
    if (!is_field_value(value)) return refuse(400, "The header " + std::string(name) + " has a control character.");
    if (is_reserved_name(name)) return true;
    if (!take_framing_header(name, value)) return false;
    if (framed_.request.headers.empty()) framed_.request.headers.reserve(8);
    framed_.request.headers.emplace_back(name, value);
    head_bytes_held_ += line.size() + 64;
    return true;
}

bool HttpFramer::take_framing_header(std::string_view name, std::string_view value) {
    const auto once = [&](bool& seen) {
        return !std::exchange(seen, true) ||
               refuse(400, "The header " + std::string(name) + " is sent more than once.");
    };
    switch (name.size()) {  // most headers are told apart by their length alone
        case 4:
            if (!equal_without_case(name, "Host")) return true;
            if (!once(hosts_seen_)) return false;
            return is_host(value) || refuse(400, "The header Host is not a host name with an optional port.");
        case 6:
            if (!equal_without_case(name, "Expect")) return true;
            if (!equal_without_case(value, "100-continue"))
                return refuse(417, "The only expectation served is 100-continue.");
            expects_continue_ = !framed_.http_1_0;
            return true;
        case 10:
            if (equal_without_case(name, "Connection")) take_connection(value);
            return true;
        case 12:
            return !equal_without_case(name, "Content-Type") || once(content_type_seen_);
        case 13:
            return !equal_without_case(name, "Authorization") || once(authorization_seen_);
        case 14:
            return !equal_without_case(name, "Content-Length") || take_content_length(value);
        case 16:
            if (!equal_without_case(name, "Content-Encoding") || equal_without_case(value, "identity")) return true;
            return refuse(415, "A compressed request body is not accepted; send it without Content-Encoding.");
        case 17:
            return !equal_without_case(name, "Transfer-Encoding") || take_transfer_encoding(value);
        default:
            return true;
    }
}

bool HttpFramer::take_content_length(std::string_view value) {
    if (content_length_ >= 0) return refuse(400, "The header Content-Length is sent more than once.");
    if (value.empty() || !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return refuse(400, "The header Content-Length must be a decimal number, digits only.");
    }
    while (value.size() > 1 && value.front() == '0') value.remove_prefix(1);
    if (value.size() > 18) return refuse(413, "The declared body is larger than any body served here.");
    content_length_ = 0;
    for (const char c : value) content_length_ = content_length_ * 10 + (c - '0');
    return true;
}

bool HttpFramer::take_transfer_encoding(std::string_view value) {
    if (framed_.http_1_0) return refuse(400, "Transfer-Encoding does not exist in HTTP/1.0.");
    if (chunked_) return refuse(400, "The header Transfer-Encoding is sent more than once.");
    if (equal_without_case(value, "chunked")) {
        chunked_ = true;
        return true;
    }
    return is_token(value) ? refuse(501, "The only transfer coding served is chunked.")
                           : refuse(400, "Transfer-Encoding must be exactly \"chunked\".");
}

void HttpFramer::take_connection(std::string_view value) {
    while (!value.empty()) {
        const auto end = std::min(value.find(','), value.size());
        const auto option = trimmed(value.substr(0, end));
        value.remove_prefix(std::min(end + 1, value.size()));
        if (equal_without_case(option, "close")) {
            framed_.keep_alive = false;
            return;  // close wins over keep-alive
        }
        if (framed_.http_1_0 && equal_without_case(option, "keep-alive")) framed_.keep_alive = true;
    }
}

bool HttpFramer::end_head() {
    if (!hosts_seen_ && !framed_.http_1_0) return refuse(400, "An HTTP/1.1 request needs the header Host.");
    if (chunked_ && content_length_ >= 0) {
        return refuse(400, "A request has either Content-Length or Transfer-Encoding, not both.");
    }
    if (!begin_body()) return false;
    if (content_length_ > body_limit_) {
        return refuse(413, "The body exceeds " + std::to_string(body_limit_) + " bytes.");
    }
    if (chunked_) {
        state_ = State::chunk_size;
    } else if (content_length_ > 0) {
        body_left_ = content_length_;
        if (!spooled_)
            framed_.request.body.reserve(static_cast<std::size_t>(std::min(content_length_, reserve_at_once_bytes)));
        state_ = State::sized_body;
    } else {
        state_ = State::complete;  // no length: no body, whatever the method (RFC 9112 section 6.3)
    }
    return true;
}

// Where the body goes.
bool HttpFramer::begin_body() {
    const auto& request = framed_.request;
    const bool comes = chunked_ || content_length_ > 0;
    const bool to_disk = comes && limits_.spool && limits_.spool->takes(request.method, request.path);
    body_limit_ = to_disk ? limits_.spool->body_bytes() : limits_.body_bytes;
    if (!to_disk) return true;
    auto opened = limits_.spool->open();
    if (!opened) return refuse(503, "Uploads cannot be stored at the moment; try again later.");
    spooled_ = std::move(opened).value();
    framed_.request.spooled = spooled_;
    return true;
}

std::int64_t HttpFramer::body_received() const {
    return spooled_ ? spooled_->size() : static_cast<std::int64_t>(framed_.request.body.size());
}

bool HttpFramer::keep(std::string_view bytes) {
    if (!spooled_) {
        framed_.request.body.append(bytes);
        return true;
    }
    if (spooled_->append(bytes)) return true;
    return refuse(503, "There is no room for this upload at the moment; try again later.");
}

bool HttpFramer::take_chunk_size(std::string_view line) {
    if (line.find(';') != std::string_view::npos) return refuse(400, "Chunk extensions are not served.");
    if (line.empty() || line.size() > 15) return refuse(400, "A chunk of the body has no valid size.");
    std::int64_t size = 0;
    for (const char c : line) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return refuse(400, "A chunk of the body has no valid size.");
        size = size * 16 + digit;
    }
    if (size > body_limit_ - body_received()) {
        return refuse(413, "The body exceeds " + std::to_string(body_limit_) + " bytes.");
    }
    body_left_ = size;
    state_ = size == 0 ? State::last_chunk : State::chunk_data;
    return true;
}

bool HttpFramer::take_body(std::string_view& input) {
    if (input.empty()) return false;
    const auto size = std::min(input.size(), static_cast<std::size_t>(body_left_));
    if (!keep(input.substr(0, size))) return false;
    input.remove_prefix(size);
    body_left_ -= static_cast<std::int64_t>(size);
    if (body_left_ == 0) state_ = state_ == State::sized_body ? State::complete : State::chunk_end;
    return true;
}

}  // namespace windlass::api
