// Uploads: forms (api/images/multipart.h), and images by their bytes alone (api/images/image_facts.h). The input is
// tried as the body of a form with the boundary "edge", and as a file.
//
// Promises: the cuts into reads change nothing, neither the parts nor the refusal; a part's bytes lie where it is said;
// cpp-httplib, where it takes the same form, sees parts with the same contents. Facts of an image are ones that it can
// have.
//
// Where the two readers of forms differ on purpose: cpp-httplib knows fewer ways to write Content-Disposition, and
// refuses forms beyond 8 KiB; then there is no comparison.
#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "api/images/image_facts.h"
#include "api/images/multipart.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

constexpr std::string_view boundary = "edge";
constexpr std::size_t largest_compared = 8'000;

struct Part {
    std::string name, data;
    bool is_file = false;
    std::int64_t offset = -1;
    bool operator==(const Part&) const = default;
};

struct Form final : api::MultipartReceiver {
    Status begin(const api::MultipartPart& part) override {
        parts.push_back({part.name, {}, part.filename.has_value(), -1});
        return {};
    }
    Status data(std::string_view bytes, std::int64_t offset) override {
        require(!bytes.empty(), "what is given is something");
        Part& part = parts.back();
        if (part.offset < 0) part.offset = offset;
        require(offset == part.offset + static_cast<std::int64_t>(part.data.size()), "a part has no gaps");
        part.data.append(bytes);
        return {};
    }
    Status end() override { return {}; }
    std::vector<Part> parts;
    std::string refusal;
};

template <class Feed>
Form read(Feed feed) {
    Form form;
    api::MultipartParser parser(boundary, form);
    Status status = feed(parser);
    if (status) status = parser.finish();
    if (!status) form.refusal = status.error().message;
    return form;
}

class MemoryStream final : public httplib::Stream {
  public:
    explicit MemoryStream(std::string in) : in_(std::move(in)) {}
    bool is_readable() const override { return at_ < in_.size(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override {
        const auto count = std::min(size, in_.size() - at_);
        std::memcpy(to, in_.data() + at_, count);
        at_ += count;
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char*, std::size_t size) override { return static_cast<ssize_t>(size); }
    void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    socket_t socket() const override { return -1; }

  private:
    std::string in_;
    std::size_t at_ = 0;
};

class Library final : public httplib::Server {
  public:
    Library() {
        Post("/", [this](const httplib::Request& request, httplib::Response&) {
            answered_ = true;
            for (const auto& [name, file] : request.files) contents_.push_back(file.content);
        });
    }
    // False: it does not take the form.
    bool read(std::string_view body, std::vector<std::string>& contents) {
        answered_ = false;
        contents_.clear();
        MemoryStream stream(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=edge\r\n"
            "Content-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
        bool closes = false;
        process_request(stream, true, closes, {});
        contents = contents_;
        return answered_;
    }

  private:
    bool answered_ = false;
    std::vector<std::string> contents_;
};

void try_form(std::string_view input) {
    const auto whole = read([&](auto& parser) { return parser.feed(input); });
    const auto cut = read([&](auto& parser) {
        Status status;
        in_cuts(input, [&](std::string_view piece) {
            status = parser.feed(piece);
            return status.ok();
        });
        return status;
    });
    require(whole.refusal == cut.refusal, "the cuts do not change the refusal", whole.refusal + " / " + cut.refusal);
    if (!whole.refusal.empty()) return;
    require(whole.parts == cut.parts, "the cuts do not change the parts");
    for (const auto& part : whole.parts)
        require(part.data.empty() || input.substr(static_cast<std::size_t>(part.offset)).starts_with(part.data),
                "a part lies where it is said");
    if (input.size() > largest_compared) return;
    static Library library;
    std::vector<std::string> theirs, ours;
    if (!library.read(input, theirs)) return;
    for (const auto& part : whole.parts) ours.push_back(part.data);
    std::sort(ours.begin(), ours.end());
    std::sort(theirs.begin(), theirs.end());
    require(ours == theirs, "cpp-httplib sees the same contents");
}

void try_image(std::string_view input) {
    const auto facts = api::read_image_facts(input);
    if (!facts) return require(!facts.error().message.empty(), "a refusal says why");
    require(facts->width >= 1 && facts->height >= 1, "an image has an extent");
    require(facts->orientation >= 1 && facts->orientation <= 8, "there are eight orientations");
    for (const std::int64_t height : {1, 200, 4096})
        require(api::thumbnail_width(facts->width, facts->height, height) >= 1, "a thumbnail has a width");
}

}  // namespace

void fuzz_uploads(std::string_view input) {
    try_form(input);
    try_image(input);
}

}  // namespace windlass::fuzz
