#include "worker/sandbox_engine.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include "shared/log.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

struct Parts {
    RunnerSettings settings;
    std::unique_ptr<Sandbox> sandbox;
    BlobCache cache;
    std::unique_ptr<Services> services;
};

// A base, so that it is there before the runner is and after it is gone.
class OwnedParts {
  protected:
    explicit OwnedParts(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}
    std::shared_ptr<Parts> parts_;
};

class SandboxEngine final : OwnedParts, public Runner {
  public:
    SandboxEngine(std::shared_ptr<Parts> parts, Background background, const Clock& clock, OnFinished on_finished)
        : OwnedParts(std::move(parts)),
          Runner(parts_->settings, *parts_->sandbox, std::move(parts_->cache), std::move(background), clock,
                 std::move(on_finished)) {
        if (parts_->settings.site != nullptr) watch_site();
        if (!parts_->services) return;
        parts_->services->set_make_socket(
            [&sandbox = *parts_->sandbox](BoxId box) { return sandbox.service_socket(box); });
        serve_by(*parts_->services);
    }

    std::vector<Watch> watches() override {
        auto all = Runner::watches();
        if (site_changes_) all.push_back({site_changes_.get(), [this](SteadyTime) { on_site_changed(); }});
        return all;
    }

  private:
    void watch_site() {
        const std::string& directory = parts_->settings.site->store().directory();
        site_changes_.reset(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
        // Before the first look, so that no change is missed.
        if (!site_changes_ || inotify_add_watch(site_changes_.get(), directory.c_str(), IN_MOVED_TO) < 0) {
            log::warning("{}: images and data sets that change are offered after a restart only",
                         errno_error("watching " + directory, errno).message);
            site_changes_.reset();
        }
        offer_things(parts_->settings.site->offers());
    }

    void on_site_changed() {
        char events[4096];
        while (read(site_changes_.get(), events, sizeof events) > 0) {
        }
        const auto before = offer();
        offer_things(parts_->settings.site->offers());
        if (offer() != before)
            log::info("this worker has {} images and {} data sets now", offer().images.size(), offer().datasets.size());
    }

    FileDescriptor site_changes_;  // inotify; empty: there is nothing to watch
};

}  // namespace

MakeEngine sandbox_engine(RunnerSettings settings, std::unique_ptr<Sandbox> sandbox, BlobCache cache,
                          const Clock& clock, std::unique_ptr<Services> services) {
    // Shared, since a std::function must be one that can be copied.
    auto parts =
        std::make_shared<Parts>(Parts{std::move(settings), std::move(sandbox), std::move(cache), std::move(services)});
    return [parts, &clock](Background background, Engine::OnFinished on_finished) -> std::unique_ptr<Engine> {
        return std::make_unique<SandboxEngine>(parts, std::move(background), clock, std::move(on_finished));
    };
}

}  // namespace windlass::worker
