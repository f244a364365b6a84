#include "api/front/repeated_refusal.h"

namespace windlass::api {
namespace {

// Enough for the paths that are flooded; who asks for one after the other gets each rendered.
constexpr std::size_t most_paths = 64;
constexpr std::size_t longest_path = 256;

std::string key_of(const FramedRequest& framed, bool draining) {
    std::string key;
    key.push_back(static_cast<char>('0' + (framed.keep_alive ? 1 : 0) + (framed.http_1_0 ? 2 : 0) +
                                    (framed.request.secure ? 4 : 0) + (draining ? 8 : 0) +
                                    (framed.request.method == "HEAD" ? 16 : 0)));
    key += framed.request.path;
    return key;
}

// `from` and `to` have the same length.
void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, to.size(), to);
}

}  // namespace

Answer RepeatedRefusal::about(const FramedRequest& framed, std::time_t now) {
    if (made_at_ != now) {  // a head has a date
        made_.clear();
        made_at_ = now;
    }
    const std::string& id = framed.request.id;
    std::string key = key_of(framed, draining_);
    if (const auto found = made_.find(key); found != made_.end() && found->second.id.size() == id.size()) {
        const Made& made = found->second;
        Answer answer;
        answer.head = made.head;
        answer.body = made.body;
        answer.keep_alive = made.keep_alive;
        replace_all(answer.head, made.id, id);
        replace_all(answer.body, made.id, id);
        return answer;
    }
    Answer answer = adapter_.refuse(status_, detail_, framed, framed.keep_alive);
    // A path in which the id of its own request stands would not be told from it.
    const bool plain = !id.empty() && key.size() <= longest_path && framed.request.path.find(id) == std::string::npos;
    if (plain && made_.size() < most_paths)
        made_.insert_or_assign(std::move(key), Made{answer.head, answer.body, answer.keep_alive, id});
    return answer;
}

}  // namespace windlass::api
