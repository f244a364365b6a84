// Serves a daemon's figures to Prometheus: GET /metrics over HTTP/1, and nothing else, on a unix socket or a loopback
// address. For the daemons that speak no HTTP otherwise; the api answers at its front.
//
// On the loop of the daemon, no thread: a conversation is one request of at most 8 KiB and one answer, both within five
// seconds, and there are at most sixteen of them. Whoever reads slowly costs the bytes of one answer until then.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "shared/result.h"
#include "shared/wire/connection.h"

namespace windlass::wire {

class FiguresListener {
  public:
    // `text` is called on the loop for every request. A unix socket is made with mode 0660; one that a dead process
    // left is replaced. The loop ends although this listens.
    //   invalid      an address that is not the host's own
    //   conflict     somebody listens there
    static Result<std::unique_ptr<FiguresListener>> open(uv_loop_t* loop, const Endpoint& endpoint,
                                                         std::function<std::string()> text);
    virtual ~FiguresListener() = default;  // ends all conversations
    virtual Endpoint endpoint() const = 0;  // with the port that was picked
};

// For the setting `name`; null where it is empty.
Result<std::unique_ptr<FiguresListener>> open_figures(uv_loop_t* loop, const std::string& name,
                                                      const std::string& setting, std::function<std::string()> text);

}  // namespace windlass::wire
