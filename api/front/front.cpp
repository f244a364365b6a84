#include "api/front/front.h"

#include <utility>

#include "api/front/front_core.h"

namespace windlass::api {
namespace {

class OpenFront final : public Front {
  public:
    explicit OpenFront(FrontCore* core) : core_(core) {}
    ~OpenFront() override { core_->shut_down(); }
    OpenFront(const OpenFront&) = delete;
    OpenFront& operator=(const OpenFront&) = delete;

    std::string address() const override { return core_->address(); }
    void drain(Milliseconds patience, std::function<void()> done) override { core_->drain(patience, std::move(done)); }
    Result<std::string> reload_tls() override { return core_->load_tls(); }
    FrontStatistics statistics() const override { return core_->statistics(); }

  private:
    FrontCore* core_;  // deletes itself once the loop has closed its handles
};

}  // namespace

Result<std::unique_ptr<Front>> Front::open(uv_loop_t* loop, FrontSettings settings, Handler handler,
                                           ErrorRenderer errors) {
    auto* core = new FrontCore(loop, std::move(settings), std::move(handler), std::move(errors));  // NOLINT: see above
    auto front = std::make_unique<OpenFront>(core);
    if (auto opened = core->open(); !opened) return std::move(opened).error();
    return std::unique_ptr<Front>(std::move(front));
}

}  // namespace windlass::api
