#include "worker/kubernetes/client.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <map>

#include "shared/json.h"
#include "shared/percent_encoding.h"
#include "worker/kubernetes/http.h"

namespace windlass::worker::kubernetes {
namespace {

constexpr Milliseconds patience{20'000};
constexpr int watch_s = 5;
constexpr int killed_by_signal = 128;

const rapidjson::Value* member(const rapidjson::Value& of, const char* name) {
    if (!of.IsObject()) return nullptr;
    const auto found = of.FindMember(name);
    return found == of.MemberEnd() ? nullptr : &found->value;
}

// Down a path of members; nullptr: something of it is missing.
template <class... Names>
const rapidjson::Value* member(const rapidjson::Value& of, const char* name, Names... names) {
    const auto* next = member(of, name);
    return next == nullptr ? nullptr : member(*next, names...);
}

template <class... Names>
std::string word(const rapidjson::Value& of, Names... names) {
    const auto* value = member(of, names...);
    return value != nullptr && value->IsString() ? std::string(text_of(*value)) : std::string();
}

template <class... Names>
std::int64_t number(const rapidjson::Value& of, Names... names) {
    const auto* value = member(of, names...);
    return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
}

std::optional<AttemptRef> ref_of(const rapidjson::Value& object) {
    const std::string label = word(object, "metadata", "labels", "windlass.attempt");
    AttemptRef ref;
    const char* end = label.data() + label.size();
    const auto job = std::from_chars(label.data(), end, ref.job.value);
    if (job.ec != std::errc() || job.ptr == end || *job.ptr != '.') return std::nullopt;
    const auto attempt = std::from_chars(job.ptr + 1, end, ref.attempt);
    if (attempt.ec != std::errc() || attempt.ptr != end || ref.text() != label) return std::nullopt;
    return ref;
}

Outcome outcome_of(const rapidjson::Value& terminated) {
    const std::string reason = word(terminated, "reason");
    if (reason == "OOMKilled")
        return {OutcomeKind::out_of_memory, 0, 0, "Kubernetes ended it at its limit of memory (limits.memory_bytes)"};
    const auto code = static_cast<std::int32_t>(number(terminated, "exitCode"));
    const auto signal = static_cast<std::int32_t>(number(terminated, "signal"));
    if (signal > 0) return {OutcomeKind::signalled, 0, signal, {}};
    if (code == killed_by_signal && reason == "StartError")
        return {OutcomeKind::setup_failed, 0, 0, "its container could not be started: " + word(terminated, "message")};
    return {OutcomeKind::exited, code, 0, {}};
}

// Reasons for which a container waits and that do not pass by themselves (k8s.io/kubernetes/pkg/kubelet/images and
// kuberuntime). A pull is tried again for a while: ErrImagePull is its first failure, ImagePullBackOff the next.
bool is_hopeless(const std::string& reason) {
    return reason == "ImagePullBackOff" || reason == "InvalidImageName" || reason == "ErrImageNeverPull" ||
           reason == "CreateContainerConfigError" || reason == "CreateContainerError" || reason == "RunContainerError";
}

// As metav1.Time is written: RFC 3339, UTC, whole seconds.
std::optional<WallTime> time_of(const std::string& text) {
    std::tm utc{};
    const char* const end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return WallTime{Seconds{timegm(&utc)}};
}

std::optional<Pod> pod_of(const rapidjson::Value& object) {
    const auto ref = ref_of(object);
    if (!ref) return std::nullopt;
    Pod pod;
    pod.ref = *ref;
    pod.space = word(object, "metadata", "namespace");
    pod.name = word(object, "metadata", "name");
    if (word(object, "status", "phase") == "Failed")
        pod.ended = Outcome{
            OutcomeKind::worker_lost, 0, 0,
            fmt::format("its pod failed: {} {}", word(object, "status", "reason"), word(object, "status", "message"))};
    const auto* containers = member(object, "status", "containerStatuses");
    if (containers == nullptr || !containers->IsArray() || containers->Empty()) return pod;
    const auto& container = (*containers)[0];
    if (const auto* last = member(container, "lastState", "terminated"))
        pod.ended = outcome_of(*last);
    else if (const auto* now = member(container, "state", "terminated"))
        pod.ended = outcome_of(*now);
    else if (const std::string reason = word(container, "state", "waiting", "reason"); is_hopeless(reason))
        pod.ended = Outcome{OutcomeKind::setup_failed, 0, 0,
                            fmt::format("{}: {}", reason, word(container, "state", "waiting", "message"))};
    pod.runs = !pod.ended && member(container, "state", "running") != nullptr;
    if (pod.runs) pod.since = time_of(word(container, "state", "running", "startedAt"));
    return pod;
}

// What a Status of the API server says of a refusal.
std::string sentence(const HttpAnswer& answer) {
    const auto document = parse_json(answer.body);
    const std::string message = document ? word(*document, "message") : std::string();
    return message.empty() ? fmt::format("the API server answers {}", answer.status) : message;
}

Error refusal(const HttpAnswer& answer) {
    // 401 and 403 are the worker's fault, or a quota's, and not the job's; 409, 429 and 5xx pass.
    const bool of_the_request =
        answer.status == 400 || answer.status == 404 || answer.status == 413 || answer.status == 422;
    return make_error(of_the_request ? ErrorKind::invalid : ErrorKind::unavailable, sentence(answer));
}

struct Kind {
    std::string_view path;  // below /apis or /api
    std::string_view name;
};
constexpr Kind policies{"/apis/networking.k8s.io/v1", "networkpolicies"};
constexpr Kind services{"/api/v1", "services"};
constexpr Kind deployments{"/apis/apps/v1", "deployments"};
constexpr Kind pods{"/api/v1", "pods"};

class Calls {
  public:
    Calls(const Site& site, const std::atomic<bool>* stop) : site_(site), stop_(stop) {}

    Result<HttpAnswer> ask(const std::string& method, const std::string& path, std::string body = {},
                           bool watch = false) {
        HttpRequest request;
        request.method = method;
        request.url = site_.url + path;
        request.body = std::move(body);
        request.token_file = site_.token_file;
        request.ca_file = site_.ca_file;
        request.patience = watch ? patience + Seconds{watch_s} : patience;
        request.until_line = watch;
        request.stop = watch ? stop_ : nullptr;
        return kubernetes::ask(request);
    }
    static std::string collection(const Kind& kind, const std::string& space) {
        return fmt::format("{}/namespaces/{}/{}", kind.path, space, kind.name);
    }
    // The object as it is there now.
    Result<std::string> create(const Kind& kind, const std::string& space, const std::string& name, std::string json) {
        WINDLASS_TRY(auto made, ask("POST", collection(kind, space), std::move(json)));
        if (made.status == 409) {
            WINDLASS_TRY(made, ask("GET", collection(kind, space) + "/" + name));
            if (made.status == 404) return make_error(ErrorKind::unavailable, "it was there, and is gone again");
            if (made.status == 200 && !is_ours(made.body))
                return make_error(ErrorKind::invalid,
                                  fmt::format("{} \"{}\" is there already and of somebody else", kind.name, name));
        }
        if (made.status / 100 != 2) return refusal(made);
        return std::move(made.body);
    }
    // Foreground: the object stays until what it owns is gone.
    Status remove(const Kind& kind, const std::string& space, const std::string& name, bool foreground = false) {
        WINDLASS_TRY(const auto gone,
                     ask("DELETE", collection(kind, space) + "/" + name,
                         fmt::format(R"({{"propagationPolicy":"{}"}})", foreground ? "Foreground" : "Background")));
        if (gone.status / 100 != 2 && gone.status != 404) return refusal(gone);
        return {};
    }
    std::string selector() const {
        return "labelSelector=" + percent_encoded(fmt::format("{}={}", worker_label, site_.identity));
    }

    // Each object of this worker there is.
    template <class Take>
    Status each(const Kind& kind, Take take) {
        WINDLASS_TRY(const auto answer, ask("GET", fmt::format("{}/{}?{}", kind.path, kind.name, selector())));
        if (answer.status != 200) return refusal(answer);
        WINDLASS_TRY(const auto document, parse_json(answer.body));
        const auto* items = member(document, "items");
        if (items == nullptr || !items->IsArray()) return {};
        for (const auto& item : items->GetArray())
            if (const auto ref = ref_of(item)) take(*ref, word(item, "metadata", "namespace"), item);
        return {};
    }

  private:
    bool is_ours(const std::string& json) const {
        const auto document = parse_json(json);
        return document && word(*document, "metadata", "labels", worker_label.data()) == site_.identity;
    }

    const Site& site_;
    const std::atomic<bool>* stop_;
};

}  // namespace

std::optional<Pod> parse_pod(std::string_view json) {
    const auto document = parse_json(json);
    return document ? pod_of(*document) : std::nullopt;
}

ApiServer::ApiServer(Site site, std::shared_ptr<const std::atomic<bool>> stop)
    : site_(std::move(site)), stop_(std::move(stop)) {}

Result<std::string> ApiServer::launch(const Launch& launch) const {
    Calls calls(site_, nullptr);
    const std::string space = namespace_of(site_, launch.owner);
    const std::string name = object_name(launch.ref);
    WINDLASS_TRY(const auto policy, calls.create(policies, space, name, network_policy(site_, launch)));
    WINDLASS_TRY(const auto made, calls.create(services, space, name, service(site_, launch)));
    WINDLASS_TRY(const auto started, calls.create(deployments, space, name, deployment(site_, launch)));
    const auto document = parse_json(made);
    std::string address = document ? word(*document, "spec", "clusterIP") : std::string();
    in_addr v4{};
    if (inet_pton(AF_INET, address.c_str(), &v4) != 1)
        return make_error(ErrorKind::invalid, "its service has no IPv4 address in the cluster");
    return address;
}

Status ApiServer::stop(AttemptRef ref, const std::string& space, bool at_once) const {
    Calls calls(site_, nullptr);
    WINDLASS_TRY_STATUS(calls.remove(deployments, space, object_name(ref), true));
    if (!at_once) return {};
    const std::string own = calls.selector() + percent_encoded(fmt::format(",{}={}", attempt_label, ref.text()));
    WINDLASS_TRY(const auto gone,
                 calls.ask("DELETE", Calls::collection(pods, space) + "?" + own, R"({"gracePeriodSeconds":0})"));
    if (gone.status / 100 != 2 && gone.status != 404) return refusal(gone);
    return {};
}

Result<bool> ApiServer::clear(AttemptRef ref, const std::string& space) const {
    Calls calls(site_, nullptr);
    const std::string name = object_name(ref);
    // It stays until its ReplicaSet is gone, which makes a new pod for each that goes.
    WINDLASS_TRY(const auto there, calls.ask("GET", Calls::collection(deployments, space) + "/" + name));
    if (there.status == 200) return false;
    if (there.status != 404) return refusal(there);
    WINDLASS_TRY_STATUS(calls.remove(services, space, name));
    WINDLASS_TRY_STATUS(calls.remove(policies, space, name));
    return true;
}

Result<Watched> ApiServer::list() const {
    Calls calls(site_, nullptr);
    WINDLASS_TRY(const auto answer, calls.ask("GET", "/api/v1/pods?" + calls.selector()));
    if (answer.status != 200) return refusal(answer);
    WINDLASS_TRY(const auto document, parse_json(answer.body));
    Watched seen;
    seen.version = word(document, "metadata", "resourceVersion");
    if (const auto* items = member(document, "items"); items != nullptr && items->IsArray())
        for (const auto& item : items->GetArray())
            if (auto pod = pod_of(item)) seen.pods.push_back(*std::move(pod));
    return seen;
}

Result<std::vector<Left>> ApiServer::left() const {
    Calls calls(site_, nullptr);
    std::map<std::pair<AttemptRef, std::string>, Left> found;
    const auto of = [&found](AttemptRef ref, const std::string& space) -> Left& {
        Left& one = found[{ref, space}];
        one.ref = ref;
        one.space = space;
        return one;
    };
    WINDLASS_TRY_STATUS(calls.each(deployments, [&of](AttemptRef ref, const std::string& space, const auto& item) {
        Left& one = of(ref, space);
        if (member(item, "metadata", "deletionTimestamp") != nullptr) return;  // it is going
        one.lease = parse_kept_lease(word(item, "metadata", "annotations", lease_annotation.data()));
        if (one.lease && one.lease->attempt != ref) one.lease.reset();
    }));
    WINDLASS_TRY_STATUS(calls.each(services, [&of](AttemptRef ref, const std::string& space, const auto& item) {
        of(ref, space).address = word(item, "spec", "clusterIP");
    }));
    WINDLASS_TRY_STATUS(calls.each(
        policies, [&of](AttemptRef ref, const std::string& space, const auto&) { of(ref, space).has_policy = true; }));
    std::vector<Left> all;
    for (auto& [key, one] : found) all.push_back(std::move(one));
    return all;
}

Result<Watched> ApiServer::watch(const std::string& version) const {
    Calls calls(site_, stop_.get());
    WINDLASS_TRY(
        const auto answer,
        calls.ask(
            "GET",
            fmt::format("/api/v1/pods?{}&watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                        calls.selector(), watch_s, percent_encoded(version)),
            {}, true));
    if (answer.status == 410) return Watched{};
    if (answer.status != 200) return refusal(answer);
    Watched seen;
    seen.version = version;
    std::string_view rest = answer.body;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        const auto event = parse_json(rest.substr(0, end));
        rest.remove_prefix(end + 1);
        if (!event) return event.error();
        const std::string type = word(*event, "type");
        if (type == "ERROR") return Watched{};  // 410 Gone, most of the time: the list says what is true
        const auto* object = member(*event, "object");
        if (object == nullptr) continue;
        seen.version = word(*object, "metadata", "resourceVersion");
        auto pod = type == "BOOKMARK" ? std::nullopt : pod_of(*object);
        if (!pod) continue;
        pod->removed = type == "DELETED";
        seen.pods.push_back(*std::move(pod));
    }
    return seen;
}

Result<std::string> ApiServer::log(const Pod& pod, std::int64_t most_bytes) const {
    Calls calls(site_, nullptr);
    // Of the container that ended, if another was started in its place meanwhile.
    for (const char* which : {"&previous=true", ""}) {
        WINDLASS_TRY(auto answer,
                     calls.ask("GET", fmt::format("{}/{}/log?container=job&limitBytes={}{}",
                                                  Calls::collection(pods, pod.space), pod.name, most_bytes, which)));
        if (answer.status == 200) return std::move(answer.body);
    }
    return std::string();
}

}  // namespace windlass::worker::kubernetes
