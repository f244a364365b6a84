#include "api/json_list.h"

#include <memory>
#include <string>
#include <utility>

#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

class ListSource final : public ChunkSource {
  public:
    ListSource(ListStep step, ListFrame frame, std::string request_id)
        : step_(std::move(step)), frame_(std::move(frame)), request_id_(std::move(request_id)) {
        json_.StartArray();
    }

    // Steps until a piece is full, a step found nothing (to let others have the thread), or the list has ended.
    Result<bool> fill(std::string& out) {
        bool more = true;
        while (more && buffer_.GetSize() < piece_bytes) {
            const auto before = buffer_.GetSize();
            WINDLASS_TRY(more, step_(json_));
            if (more && buffer_.GetSize() == before) break;
        }
        if (!more) json_.EndArray();
        out += std::exchange(frame_.before, {});
        if (more && buffer_.GetSize() == 0) out += '\n';  // white space between two elements: a sign of life
        out.append(buffer_.GetString(), buffer_.GetSize());
        buffer_.Clear();
        if (!more) out += frame_.behind;
        return more;
    }

    bool next(std::string& out) override {
        if (!first_.empty()) {
            out += std::exchange(first_, {});
            return true;
        }
        auto more = fill(out);
        if (more) return *more;
        log::write(log::Level::error, {log::field::request(request_id_)}, "request {}: a list broke off: {}",
                   request_id_, more.error().message);
        return false;
    }

    void put_back(std::string first) { first_ = std::move(first); }

  private:
    ListStep step_;
    ListFrame frame_;  // what has not been written yet
    std::string request_id_;
    rapidjson::StringBuffer buffer_;
    JsonWriter json_{buffer_};
    std::string first_;
};

}  // namespace

OrProblem<Reply> list_reply(const Call& call, ListStep step) {
    return list_reply(call, std::move(step), {});
}

OrProblem<Reply> list_reply(const Call& call, ListStep step, std::vector<std::pair<std::string, std::string>> headers) {
    return list_reply(call, std::move(step), std::move(headers), {});
}

OrProblem<Reply> list_reply(const Call& call, ListStep step, std::vector<std::pair<std::string, std::string>> headers,
                            ListFrame frame) {
    auto source = std::make_shared<ListSource>(std::move(step), std::move(frame), call.request.id);
    Response response;
    response.headers = std::move(headers);
    WINDLASS_TRY(const bool more, source->fill(response.body));
    if (more) {
        source->put_back(std::exchange(response.body, {}));
        response.stream = std::move(source);
    }
    return Reply(std::move(response));
}

}  // namespace windlass::api
