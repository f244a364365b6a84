// The API server of Kubernetes, as far as launches need it: three kinds of objects are made and removed, pods are
// listed and watched, a log is read. Each call waits, so none is made on the loop's thread. Virtual, so that a test
// can be the cluster.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/outcome.h"
#include "shared/result.h"
#include "worker/kubernetes/manifests.h"

namespace windlass::worker::kubernetes {

// What the status of a pod of ours says.
struct Pod {
    AttemptRef ref;
    std::string space;  // its namespace
    std::string name;
    bool runs = false;              // its container runs, for the first time
    std::optional<WallTime> since;  // it runs, by the clock of its node
    bool removed = false;           // a watch saw it go
    std::optional<Outcome> ended;   // its container did, or it cannot be started
};

struct Watched {
    std::vector<Pod> pods;
    std::string version;  // where the next watch goes on; empty: too old, list again
};

// What a former life of this worker left of one attempt.
struct Left {
    AttemptRef ref;
    std::string space;
    std::string address;  // of its service; empty: it has none
    bool has_policy = false;
    std::optional<protocol::Lease> lease;  // as its deployment says; nullopt: it has none that is whole

    // Nothing of it is missing: a life can go on with it.
    bool is_whole() const { return lease && has_policy && !address.empty(); }
};

class Client {
  public:
    virtual ~Client() = default;

    // Policy, service, deployment, in this order: no pod is ever without its policy. What is there already is left as
    // it is. The address of the service.
    //   invalid      the API server refuses it, and would again
    //   unavailable  no answer, or not now
    virtual Result<std::string> launch(const Launch& launch) const = 0;
    // Asks for the end of the deployment and, at once, of its pods; not waited for. What is not there is no error.
    virtual Status stop(AttemptRef ref, const std::string& space, bool at_once) const = 0;
    // When no pod is there any more: the rest. False: the deployment is still there, and may make another pod.
    virtual Result<bool> clear(AttemptRef ref, const std::string& space) const = 0;
    // All pods of this worker, in all namespaces.
    virtual Result<Watched> list() const = 0;
    // All there is of this worker, also of a former life.
    virtual Result<std::vector<Left>> left() const = 0;
    // What happens from `version` on; returns soon after something did, or after some seconds.
    virtual Result<Watched> watch(const std::string& version) const = 0;
    // The last of what it printed, both streams in one.
    virtual Result<std::string> log(const Pod& pod, std::int64_t most_bytes) const = 0;
};

// Over HTTPS, with the site's token and authority.
class ApiServer final : public Client {
  public:
    // `stop`: set, and calls that wait end early.
    ApiServer(Site site, std::shared_ptr<const std::atomic<bool>> stop);
    Result<std::string> launch(const Launch& launch) const override;
    Status stop(AttemptRef ref, const std::string& space, bool at_once) const override;
    Result<bool> clear(AttemptRef ref, const std::string& space) const override;
    Result<Watched> list() const override;
    Result<std::vector<Left>> left() const override;
    Result<Watched> watch(const std::string& version) const override;
    Result<std::string> log(const Pod& pod, std::int64_t most_bytes) const override;

  private:
    const Site site_;
    const std::shared_ptr<const std::atomic<bool>> stop_;
};

// Of the JSON of a pod; nullopt: none of ours, or no pod. For tests.
std::optional<Pod> parse_pod(std::string_view json);

}  // namespace windlass::worker::kubernetes
