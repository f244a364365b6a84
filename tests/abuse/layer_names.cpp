#include <array>

#include "tests/abuse/layers.h"

namespace windlass::worker::testing {
namespace {

constexpr std::array names_of_layers = {"user-namespace",
                                        "spawner-pid-namespace",
                                        "private-mounts",
                                        "own-root",
                                        "usr-read-only",
                                        "usr-nosuid",
                                        "usr-nodev",
                                        "root-read-only",
                                        "device-noexec",
                                        "network",
                                        "network-per-slot",
                                        "bounding-set",
                                        "no-new-privileges",
                                        "filter",
                                        "pid-namespace",
                                        "mount-namespace",
                                        "ipc-namespace",
                                        "uts-namespace",
                                        "cgroup-namespace",
                                        "host-name",
                                        "oom-score",
                                        "hidden-pid-one",
                                        "pid-one-capabilities",
                                        "proc-read-only",
                                        "proc-hides-others",
                                        "disk-size",
                                        "inodes",
                                        "work-flags",
                                        "site-read-only",
                                        "site-nosuid",
                                        "site-nodev",
                                        "memory-limit",
                                        "process-limit",
                                        "cpu-limit",
                                        "session",
                                        "groups",
                                        "group",
                                        "user",
                                        "capabilities",
                                        "close-descriptors",
                                        "limit-core",
                                        "limit-open-files",
                                        "limit-file-size",
                                        "limit-locked-memory",
                                        "limit-message-queues",
                                        "limit-pending-signals",
                                        "limit-processes-of-user",
                                        "limit-data",
                                        "landlock"};
static_assert(names_of_layers.size() == static_cast<std::size_t>(Layer::landlock) + 1);

}  // namespace

std::string_view name(Layer layer) {
    return names_of_layers.at(static_cast<std::size_t>(layer));
}

const std::vector<Layer>& all_layers() {
    static const std::vector<Layer> all = [] {
        std::vector<Layer> layers;
        for (std::size_t i = 0; i < names_of_layers.size(); i++) layers.push_back(static_cast<Layer>(i));
        return layers;
    }();
    return all;
}

std::string names(const Layers& layers) {
    std::string text;
    for (const Layer layer : layers) text += (text.empty() ? "" : " + ") + std::string(name(layer));
    return text;
}

}  // namespace windlass::worker::testing
