#include "worker/kubernetes/manifests.h"

#include <gtest/gtest.h>

#include "shared/json.h"
#include "worker/kubernetes/client.h"

namespace windlass::worker::kubernetes {
namespace {

Site site() {
    Site site;
    site.namespace_prefix = "windlass-user-";
    site.worker_cidr = "10.0.3.7/32";
    site.identity = "0123456789abcdef";
    site.images = {{"lab", "registry.example/lab@sha256:00"}};
    site.datasets = {{"mnist", "mnist-claim"}};
    return site;
}

Launch launch() {
    Launch launch;
    launch.ref = {JobId{42}, 3};
    launch.owner = UserId{7};
    launch.spec.image = "lab";
    launch.spec.service = ServicePort{8888, "/", {}};
    return launch;
}

// The value at a path of names and numbers, as JSON text.
std::string at(const std::string& json, std::initializer_list<std::string> path) {
    const auto document = parse_json(json);
    if (!document) return document.error().message;
    const rapidjson::Value* value = &*document;
    for (const auto& step : path) {
        if (value->IsArray()) {
            value = &(*value)[static_cast<rapidjson::SizeType>(std::stoul(step))];
        } else {
            if (!value->HasMember(step.c_str())) return "nothing at " + step;
            value = &(*value)[step.c_str()];
        }
    }
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    value->Accept(writer);
    return std::string(text_of(buffer));
}

TEST(KubernetesManifests, are_in_the_namespace_of_the_owner_and_named_after_the_attempt) {
    for (const auto& json :
         {deployment(site(), launch()), service(site(), launch()), network_policy(site(), launch())}) {
        EXPECT_EQ(at(json, {"metadata", "namespace"}), "\"windlass-user-7\"");
        EXPECT_EQ(at(json, {"metadata", "name"}), "\"windlass-42-3\"");
        EXPECT_EQ(at(json, {"metadata", "labels", "windlass.attempt"}), "\"42.3\"");
    }
}

TEST(KubernetesManifests, a_pod_meets_the_restricted_standard_and_has_no_token) {
    const std::string json = deployment(site(), launch());
    const auto pod = [&](std::initializer_list<std::string> path) {
        std::vector<std::string> whole = {"spec", "template", "spec"};
        whole.insert(whole.end(), path);
        std::string text;
        const auto document = parse_json(json);
        const rapidjson::Value* value = &*document;
        for (const auto& step : whole)
            value = value->IsArray() ? &(*value)[static_cast<rapidjson::SizeType>(std::stoul(step))]
                                     : &(*value)[step.c_str()];
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        value->Accept(writer);
        return std::string(text_of(buffer));
    };
    EXPECT_EQ(pod({"automountServiceAccountToken"}), "false");
    EXPECT_EQ(pod({"securityContext", "runAsNonRoot"}), "true");
    EXPECT_EQ(pod({"securityContext", "seccompProfile", "type"}), "\"RuntimeDefault\"");
    EXPECT_EQ(pod({"containers", "0", "securityContext", "allowPrivilegeEscalation"}), "false");
    EXPECT_EQ(pod({"containers", "0", "securityContext", "capabilities"}), R"({"drop":["ALL"]})");
    EXPECT_EQ(pod({"containers", "0", "resources", "limits", "cpu"}), "\"1000m\"");
    EXPECT_EQ(pod({"containers", "0", "resources", "requests"}), pod({"containers", "0", "resources", "limits"}));
}

TEST(KubernetesManifests, a_policy_lets_the_worker_in_and_nothing_out) {
    const std::string json = network_policy(site(), launch());
    EXPECT_EQ(at(json, {"spec", "policyTypes"}), R"(["Ingress","Egress"])");
    EXPECT_EQ(at(json, {"spec", "egress"}), "[]");
    EXPECT_EQ(at(json, {"spec", "ingress"}),
              R"([{"from":[{"ipBlock":{"cidr":"10.0.3.7/32"}}],"ports":[{"protocol":"TCP","port":8888}]}])");
    EXPECT_EQ(at(json, {"spec", "podSelector", "matchLabels"}),
              R"({"windlass.worker":"0123456789abcdef","windlass.attempt":"42.3"})");
}

TEST(KubernetesManifests, words_of_a_job_stay_strings) {
    Launch hostile = launch();
    hostile.spec.running_commands = "echo \"$name\" $image }]} \\ \n";
    hostile.spec.env = {{"A", "\"},{\"name\":\"B\",\"value\":\"$(PORT)"}};
    const std::string json = deployment(site(), hostile);
    rapidjson::StringBuffer expected;
    JsonWriter writer(expected);
    put(writer, hostile.spec.running_commands);
    EXPECT_EQ(at(json, {"spec", "template", "spec", "containers", "0", "command", "2"}),
              std::string(text_of(expected)));
    EXPECT_EQ(at(json, {"spec", "template", "spec", "containers", "0", "env", "0"}),
              R"--({"name":"A","value":"\"},{\"name\":\"B\",\"value\":\"$$(PORT)"})--")
        << "the kubelet puts no variable in its place";
}

TEST(KubernetesManifests, data_sets_are_claims_that_are_only_read) {
    Launch with_data = launch();
    with_data.spec.datasets = {"mnist"};
    with_data.spec.resources = {{"gpu", 2}};
    const std::string json = deployment(site(), with_data);
    EXPECT_EQ(at(json, {"spec", "template", "spec", "volumes", "2", "persistentVolumeClaim"}),
              R"({"claimName":"mnist-claim","readOnly":true})");
    EXPECT_EQ(at(json, {"spec", "template", "spec", "containers", "0", "volumeMounts", "2", "mountPath"}),
              "\"/tmp/mnist\"");
    EXPECT_EQ(at(json, {"spec", "template", "spec", "containers", "0", "resources", "limits", "nvidia.com/gpu"}),
              "\"2\"");
}

TEST(KubernetesManifests, a_deployment_says_what_the_next_life_needs_of_the_lease) {
    Launch wanted = launch();
    wanted.spec.running_commands = "echo secret";
    wanted.spec.env = {{"PASSWORD", "secret"}};
    wanted.spec.timeout = Seconds{77};
    wanted.spec.name = "Übung „Ünïcödé“ \"$name\"";
    const auto document = parse_json(deployment(site(), wanted));
    ASSERT_TRUE(document);
    const std::string kept((*document)["metadata"]["annotations"][lease_annotation.data()].GetString());
    EXPECT_EQ(kept.find("secret"), std::string::npos) << "it stands in the pod alone";
    const auto lease = parse_kept_lease(kept);
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->attempt, wanted.ref);
    EXPECT_EQ(lease->owner, wanted.owner);
    EXPECT_EQ(lease->spec.timeout, Seconds{77});
    EXPECT_EQ(lease->spec.service->port, 8888);
    EXPECT_EQ(lease->spec.name, wanted.spec.name);
    for (const char* other : {"", "{}", "[]", R"({"type":"drain_worker"})"})
        EXPECT_FALSE(parse_kept_lease(other)) << other;
}

TEST(KubernetesManifests, what_is_no_launch_is_refused_with_a_sentence) {
    EXPECT_EQ(fault_of(site(), launch()), "");
    const auto wrong = [](auto change) {
        Launch other = launch();
        change(other);
        return !fault_of(site(), other).empty();
    };
    EXPECT_TRUE(wrong([](Launch& l) { l.owner = {}; }));
    EXPECT_TRUE(wrong([](Launch& l) { l.spec.service.reset(); }));
    EXPECT_TRUE(wrong([](Launch& l) { l.spec.image = "unknown"; }));
    EXPECT_TRUE(wrong([](Launch& l) { l.spec.datasets = {"unknown"}; }));
    EXPECT_TRUE(wrong([](Launch& l) { l.spec.files = {{"a", "b"}}; }));
    EXPECT_TRUE(wrong([](Launch& l) { l.spec.network = Network::full; }));
}

std::string pod_with(const std::string& container, const std::string& phase = "Running") {
    return R"({"metadata":{"name":"p","namespace":"s","labels":{"windlass.attempt":"42.3"}},"status":{"phase":")" +
           phase + R"(","containerStatuses":[)" + container + "]}}";
}

TEST(KubernetesPods, are_read_by_what_their_container_does) {
    const auto running = parse_pod(pod_with(R"({"state":{"running":{}},"lastState":{}})"));
    ASSERT_TRUE(running);
    EXPECT_EQ(running->ref, (AttemptRef{JobId{42}, 3}));
    EXPECT_TRUE(running->runs);
    EXPECT_FALSE(running->since);
    const auto since = [](const std::string& at) {
        return parse_pod(pod_with(R"({"state":{"running":{"startedAt":")" + at + "\"}}}"))->since;
    };
    EXPECT_EQ(since("2027-01-15T08:00:00Z"), WallTime{Seconds{1'800'000'000}});
    EXPECT_FALSE(since("2027-01-15T08:00:00"));
    const auto ended = [](const std::string& container) { return parse_pod(pod_with(container))->ended; };
    EXPECT_EQ(ended(R"({"state":{"terminated":{"exitCode":7}}})"), (Outcome{OutcomeKind::exited, 7, 0, {}}));
    EXPECT_EQ(ended(R"({"state":{"running":{}},"lastState":{"terminated":{"exitCode":137,"signal":9}}})"),
              (Outcome{OutcomeKind::signalled, 0, 9, {}}))
        << "it was started again: the first end counts";
    EXPECT_EQ(ended(R"({"state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}})")->kind,
              OutcomeKind::out_of_memory);
    EXPECT_EQ(ended(R"({"state":{"waiting":{"reason":"ImagePullBackOff","message":"no"}}})")->kind,
              OutcomeKind::setup_failed);
    EXPECT_FALSE(ended(R"({"state":{"waiting":{"reason":"ContainerCreating"}}})"));
    EXPECT_EQ(
        parse_pod(
            R"({"metadata":{"labels":{"windlass.attempt":"42.3"}},"status":{"phase":"Failed","reason":"Evicted"}})")
            ->ended->kind,
        OutcomeKind::worker_lost);
}

TEST(KubernetesPods, of_somebody_else_or_of_no_sense_are_none) {
    for (const char* json : {"", "{}", "[]", "7", R"({"metadata":{"labels":{"windlass.attempt":"x"}}})",
                             R"({"metadata":{"labels":{"windlass.attempt":"42"}}})",
                             R"({"metadata":{"labels":{"windlass.attempt":"042.3"}}})",
                             R"({"metadata":{"labels":{"windlass.attempt":7}}})"})
        EXPECT_FALSE(parse_pod(json)) << json;
}

}  // namespace
}  // namespace windlass::worker::kubernetes
