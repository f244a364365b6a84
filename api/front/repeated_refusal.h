// Refusals of a flood, which all say the same: rendered once a second for each path, and again only where they differ.
// While a server has more to do than it can, what a refusal costs is what the accepted requests lack.
//
// Thread: the adapter's.
#pragma once

#include <atomic>
#include <ctime>
#include <string>
#include <unordered_map>

#include "api/front/answer.h"
#include "api/front/httplib_adapter.h"

namespace windlass::api {

class RepeatedRefusal {
  public:
    // All must outlive this.
    RepeatedRefusal(HttplibAdapter& adapter, int status, const char* detail, const std::atomic<bool>& draining)
        : adapter_(adapter), status_(status), detail_(detail), draining_(draining) {}

    // What adapter.refuse() would say of this request in this second.
    Answer about(const FramedRequest& framed, std::time_t now);

    std::size_t size() const { return made_.size(); }

  private:
    struct Made {
        std::string head, body;
        bool keep_alive = false;
        std::string id;  // that stands in it
    };

    HttplibAdapter& adapter_;
    const int status_;
    const char* const detail_;
    const std::atomic<bool>& draining_;
    std::time_t made_at_ = -1;
    std::unordered_map<std::string, Made> made_;  // by all it depends on
};

}  // namespace windlass::api
