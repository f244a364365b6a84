#include "worker/kubernetes/manifests.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/json.h"

namespace windlass::worker::kubernetes {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

std::string text(std::string_view s) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    put(writer, to_valid_utf8(s));
    return std::string(text_of(buffer));
}

// `pattern` with each $name replaced, once: what is put in is not looked at again.
std::string filled(std::string_view pattern, const Values& values) {
    std::string out;
    while (!pattern.empty()) {
        const auto at = pattern.find('$');
        out += pattern.substr(0, at);
        if (at == std::string_view::npos) break;
        pattern.remove_prefix(at + 1);
        const auto end = std::ranges::find_if_not(pattern, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
        const auto name = pattern.substr(0, static_cast<std::size_t>(end - pattern.begin()));
        const auto value = values.find(name);
        WINDLASS_CHECK(value != values.end(), "a manifest has a word that nothing is said of");
        out += value->second;
        pattern.remove_prefix(name.size());
    }
    return out;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
}

// By both: two sites may share a cluster, and their attempts have the same numbers.
std::string own_labels(const Site& site, AttemptRef ref) {
    return fmt::format("{}:{},{}:{}", text(worker_label), text(site.identity), text(attempt_label), text(ref.text()));
}

// "gpu" is the vendor's plugin that most clusters have; a name with a slash is taken as it stands.
std::string extended_resource(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    return name == "gpu" ? "nvidia.com/gpu" : "windlass.dev/" + name;
}

std::string limits_of(const JobSpec& spec) {
    std::vector<std::string> parts = {fmt::format(R"("cpu":"{}m")", spec.limits.cpu_millis),
                                      fmt::format(R"("memory":"{}")", spec.limits.memory_bytes),
                                      fmt::format(R"("ephemeral-storage":"{}")", spec.limits.disk_bytes)};
    for (const auto& [name, count] : spec.resources)
        parts.push_back(fmt::format("{}:\"{}\"", text(extended_resource(name)), count));
    return "{" + joined(parts) + "}";
}

std::string environment_of(const Launch& launch) {
    std::map<std::string, std::string> all = {{"HOME", "/job"}, {"TMPDIR", "/tmp"}, {"LANG", "C.UTF-8"}};
    for (const auto& [name, value] : launch.spec.env) all[name] = value;
    all["WINDLASS_JOB_ID"] = launch.ref.job.text();
    all["WINDLASS_ATTEMPT"] = std::to_string(launch.ref.attempt);
    std::vector<std::string> parts;
    for (const auto& [name, value] : all) {
        // $(NAME) in a value would be replaced by the kubelet; $$ is its way of saying $.
        std::string plain;
        for (const char c : value) plain += c == '$' ? "$$" : std::string(1, c);
        parts.push_back(fmt::format(R"({{"name":{},"value":{}}})", text(name), text(plain)));
    }
    return "[" + joined(parts) + "]";
}

struct Volumes {
    std::vector<std::string> volumes;
    std::vector<std::string> mounts;
};

Volumes volumes_of(const Site& site, const JobSpec& spec) {
    Volumes all;
    const auto scratch = [&](std::string_view name, std::string_view path) {
        all.volumes.push_back(
            fmt::format(R"({{"name":"{}","emptyDir":{{"sizeLimit":"{}"}}}})", name, spec.limits.disk_bytes));
        all.mounts.push_back(fmt::format(R"({{"name":"{}","mountPath":"{}"}})", name, path));
    };
    scratch("job", "/job");
    scratch("tmp", "/tmp");
    for (std::size_t i = 0; i < spec.datasets.size(); ++i) {
        const auto& name = spec.datasets[i];
        all.volumes.push_back(
            fmt::format(R"({{"name":"data-{}","persistentVolumeClaim":{{"claimName":{},"readOnly":true}}}})", i,
                        text(site.datasets.at(name))));
        all.mounts.push_back(
            fmt::format(R"({{"name":"data-{}","mountPath":{},"readOnly":true}})", i, text("/tmp/" + name)));
    }
    return all;
}

Values common(const Site& site, const Launch& launch) {
    return {
        {"name", text(object_name(launch.ref))},
        {"namespace", text(namespace_of(site, launch.owner))},
        {"labels", fmt::format(R"({{"app.kubernetes.io/managed-by":"windlass",{}}})", own_labels(site, launch.ref))},
        {"own_labels", "{" + own_labels(site, launch.ref) + "}"},
        {"port", std::to_string(launch.spec.service->port)},
    };
}

}  // namespace

std::string namespace_of(const Site& site, UserId owner) {
    return site.namespace_prefix + owner.text();
}

std::string object_name(AttemptRef ref) {
    return fmt::format("windlass-{}-{}", ref.job.value, ref.attempt);
}

std::string fault_of(const Site& site, const Launch& launch) {
    const JobSpec& spec = launch.spec;
    if (!launch.owner) return "the scheduler is older than this worker and does not say whose job it is";
    if (!spec.service || spec.image.empty())
        return "a worker with backend = kubernetes takes launches alone: jobs with an image and a service";
    if (!spec.files.empty() || !spec.outputs.empty() || spec.network == Network::full)
        return "a launch in Kubernetes has no input files, no outputs and no network";
    if (!site.images.contains(spec.image)) return "worker.kubernetes_images does not name the image " + spec.image;
    for (const auto& name : spec.datasets)
        if (!site.datasets.contains(name)) return "worker.kubernetes_datasets does not name the data set " + name;
    return {};
}

std::string deployment(const Site& site, const Launch& launch) {
    const JobSpec& spec = launch.spec;
    const Volumes volumes = volumes_of(site, spec);
    Values values = common(site, launch);
    values["image"] = text(site.images.at(spec.image));
    values["command"] = spec.running_commands.empty()
                            ? ""
                            : fmt::format(R"("command":["/bin/sh","-c",{}],)", text(spec.running_commands));
    values["environment"] = environment_of(launch);
    values["limits"] = limits_of(spec);
    values["mounts"] = "[" + joined(volumes.mounts) + "]";
    values["volumes"] = "[" + joined(volumes.volumes) + "]";
    values["grace"] = std::to_string(site.grace_s);
    values["annotations"] = fmt::format("{{{}:{}}}", text(lease_annotation), text(kept_lease(launch)));
    return filled(R"({"apiVersion":"apps/v1","kind":"Deployment",
"metadata":{"name":$name,"namespace":$namespace,"labels":$labels,"annotations":$annotations},
"spec":{"replicas":1,"strategy":{"type":"Recreate"},"selector":{"matchLabels":$own_labels},
"template":{"metadata":{"labels":$labels},"spec":{
"automountServiceAccountToken":false,"enableServiceLinks":false,"terminationGracePeriodSeconds":$grace,
"securityContext":{"runAsNonRoot":true,"runAsUser":1000,"runAsGroup":1000,"fsGroup":1000,"seccompProfile":{"type":"RuntimeDefault"}},
"containers":[{"name":"job","image":$image,$command"workingDir":"/job","env":$environment,
"ports":[{"containerPort":$port,"protocol":"TCP"}],"resources":{"limits":$limits,"requests":$limits},
"securityContext":{"allowPrivilegeEscalation":false,"privileged":false,"runAsNonRoot":true,"capabilities":{"drop":["ALL"]}},
"volumeMounts":$mounts}],"volumes":$volumes}}}})",
                  values);
}

std::string service(const Site& site, const Launch& launch) {
    return filled(R"({"apiVersion":"v1","kind":"Service",
"metadata":{"name":$name,"namespace":$namespace,"labels":$labels},
"spec":{"type":"ClusterIP","selector":$own_labels,"ports":[{"protocol":"TCP","port":$port,"targetPort":$port}]}})",
                  common(site, launch));
}

std::string network_policy(const Site& site, const Launch& launch) {
    Values values = common(site, launch);
    values["cidr"] = text(site.worker_cidr);
    return filled(R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",
"metadata":{"name":$name,"namespace":$namespace,"labels":$labels},
"spec":{"podSelector":{"matchLabels":$own_labels},"policyTypes":["Ingress","Egress"],
"ingress":[{"from":[{"ipBlock":{"cidr":$cidr}}],"ports":[{"protocol":"TCP","port":$port}]}],"egress":[]}})",
                  values);
}

std::string kept_lease(const Launch& launch) {
    protocol::Lease kept;
    kept.attempt = launch.ref;
    kept.owner = launch.owner;
    kept.spec = launch.spec;
    kept.spec.running_commands.clear();
    kept.spec.env.clear();
    return protocol::encode(kept);
}

std::optional<protocol::Lease> parse_kept_lease(std::string_view json) {
    auto message = protocol::decode(json);
    auto* lease = message ? std::get_if<protocol::Lease>(&*message) : nullptr;
    if (lease == nullptr || !lease->spec.service || !lease->owner) return std::nullopt;
    return std::move(*lease);
}

}  // namespace windlass::worker::kubernetes
