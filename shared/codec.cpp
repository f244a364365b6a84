// How messages look on the wire, and nowhere else. Each struct is described once, by describe(); one visitor writes it
// as a JSON object, the other reads it back. A field that is missing keeps its default; one of the wrong type is an
// error.
#include <fmt/format.h>

#include <limits>
#include <type_traits>

#include "shared/json.h"
#include "shared/protocol.h"

namespace windlass::protocol {
namespace {

// ---- descriptions: the field names of the protocol
// -------------------------------------------------------------------

template <class V>
void describe(V& v, Limits& m) {
    v("cpu_millis", m.cpu_millis);
    v("memory_bytes", m.memory_bytes);
    v("disk_bytes", m.disk_bytes);
    v("processes", m.processes);
    v("output_bytes", m.output_bytes);
    v("open_files", m.open_files);
    v.unless_default("cpu_time_ms", m.cpu_time);
    v.unless_default("file_bytes", m.file_bytes);
    v.unless_default("inodes", m.inodes);
}
template <class V>
void describe(V& v, RetryOn& m) {
    v("exit_codes", m.exit_codes);
    v("signals", m.signals);
    v("timeout", m.timeout);
}
// The parts of a spec without a column of their own.
template <class V>
void describe_details(V& v, JobSpec& m) {
    v.unless_default("tags", m.tags);
    v.unless_default("network", m.network);
    v.unless_default("retry_on", m.retry_on);
    v.unless_default("retry_delay_ms", m.retry_delay);
    v.unless_default("files", m.files);
    v.unless_default("outputs", m.outputs);
    v.unless_default("not_before_us", m.not_before);
    v.unless_default("deadline_us", m.deadline);
    v.unless_default("requires", m.required_labels);
    v.unless_default("resources", m.resources);
    v.unless_default("image", m.image);
}
template <class V>
void describe(V& v, JobSpec& m) {
    v("name", m.name);
    v("running_commands", m.running_commands);
    v("priority", m.priority);
    v("timeout_ms", m.timeout);
    v("max_attempts", m.max_attempts);
    v("limits", m.limits);
    v("env", m.env);
    v.unless("queue", m.queue, default_queue);
    describe_details(v, m);
}
template <class V>
void describe(V& v, Outcome& m) {
    v("kind", m.kind);
    v("exit_code", m.exit_code);
    v("signal", m.signal);
    v("detail", m.detail);
}
template <class V>
void describe(V& v, Usage& m) {
    v("wall_us", m.wall);
    v("cpu_user_us", m.cpu_user);
    v("cpu_system_us", m.cpu_system);
    v("peak_memory_bytes", m.peak_memory_bytes);
    v("peak_memory_is_largest_process", m.peak_memory_is_largest_process);
    v("read_bytes", m.read_bytes);
    v("written_bytes", m.written_bytes);
    v("peak_processes", m.peak_processes);
}
template <class V>
void describe(V& v, ResultFile& m) {
    v("path", m.path);
    v("size_bytes", m.size_bytes);
    v("sha256", m.sha256);
    v("stored", m.stored);
}
template <class V>
void describe(V& v, AttemptResult& m) {
    v("outcome", m.outcome);
    v("usage", m.usage);
    v("stdout_bytes", m.stdout_bytes);
    v("stderr_bytes", m.stderr_bytes);
    v("stdout_truncated", m.stdout_truncated);
    v("stderr_truncated", m.stderr_truncated);
    v("files", m.files);
    v("files_truncated", m.files_truncated);
    v("value_json", m.value_json);
}
template <class V>
void describe(V& v, SubmitDependency& m) {
    v("job", m.job);
    v("index", m.index);
    v("condition", m.condition);
}
template <class V>
void describe(V& v, SubmitItem& m) {
    v("spec", m.spec);
    v("code_size", m.code_size);
    v("data_size", m.data_size);
    v.unless_default("after", m.after);
    v.unless_default("array_count", m.array_count);
    v.unless_default("max_fails", m.max_fails);
    v.unless_default("params", m.params);
    v.unless_default("rerun_of", m.rerun_of);
}
template <class V>
void describe(V& v, Quota& m) {
    v.unless_default("queued", m.queued);
    v.unless_default("running", m.running);
    v.unless_default("cpu_us_per_day", m.cpu_per_day);
    v.unless_default("stored_bytes", m.stored_bytes);
}
template <class V>
void describe(V& v, Hello& m) {
    v("version", m.version);
    v("role", m.role);
    v("name", m.name);
    v("instance", m.instance);
    v("secret", m.secret);
    v("dial", m.dial);
    v("cpu_millis", m.cpu_millis);
    v("memory_bytes", m.memory_bytes);
    v("prefetch", m.prefetch);
    v("held", m.held);
    v("software", m.software);
    v.unless_default("labels", m.labels);
    v.unless_default("resources", m.resources);
}
template <class V>
void describe(V& v, Welcome& m) {
    v("version", m.version);
    v("epoch", m.epoch);
    v("lease_ttl_ms", m.lease_ttl_ms);
    v("renew_every_ms", m.renew_every_ms);
    v("self_kill_after_ms", m.self_kill_after_ms);
}
template <class V>
void describe(V& v, Refused& m) {
    v("reason", m.reason);
}
template <class V>
void describe(V& v, Renew& m) {
    v("held", m.held);
}
template <class V>
void describe(V& v, AttemptStarted& m) {
    v("attempt", m.attempt);
}
template <class V>
void describe(V& v, AttemptOutput& m) {
    v("attempt", m.attempt);
    v("stream", m.stream);
    v("offset", m.offset);
}
template <class V>
void describe(V& v, AttemptFinished& m) {
    v("attempt", m.attempt);
    v("result", m.result);
    v("stdout_offset", m.stdout_offset);
    v("stdout_size", m.stdout_size);
    v("stderr_offset", m.stderr_offset);
    v("stderr_size", m.stderr_size);
}
template <class V>
void describe(V& v, AttemptReturned& m) {
    v("attempt", m.attempt);
}
template <class V>
void describe(V&, WorkerDraining&) {}
template <class V>
void describe(V& v, FetchBlob& m) {
    v("sha256", m.sha256);
}
template <class V>
void describe(V& v, BlobFetched& m) {
    v("sha256", m.sha256);
    v("found", m.found);
}
template <class V>
void describe(V& v, Lease& m) {
    v("attempt", m.attempt);
    v("spec", m.spec);
    v("code_size", m.code_size);
    v("data_size", m.data_size);
}
template <class V>
void describe(V& v, CancelAttempt& m) {
    v("attempt", m.attempt);
}
template <class V>
void describe(V& v, RevokeAttempt& m) {
    v("attempt", m.attempt);
}
template <class V>
void describe(V& v, AcknowledgeFinish& m) {
    v("attempt", m.attempt);
    v("accepted", m.accepted);
}
template <class V>
void describe(V& v, Renewed& m) {
    v("kept", m.kept);
}
template <class V>
void describe(V& v, SubmitJobs& m) {
    v("request", m.request);
    v("owner", m.owner);
    v("jobs", m.jobs);
    v.unless_default("quota", m.quota);
    v.unless_default("route", m.route);
    v.unless_default("key", m.key);
    v.unless_default("body_sha256", m.body_sha256);
}
template <class V>
void describe(V& v, CancelJobs& m) {
    v("request", m.request);
    v("jobs", m.jobs);
    v.unless_default("reason", m.reason);
}
template <class V>
void describe(V& v, ConfigureQueue& m) {
    v("request", m.request);
    v("name", m.name);
    v("weight_millis", m.weight_millis);
    v("max_running", m.max_running);
    v("held", m.held);
    v("description", m.description);
}
template <class V>
void describe(V& v, RemoveQueue& m) {
    v("request", m.request);
    v("name", m.name);
}
template <class V>
void describe(V& v, DrainWorker& m) {
    v("request", m.request);
    v("worker", m.worker);
    v("draining", m.draining);
}
template <class V>
void describe(V& v, ForgetWorker& m) {
    v("request", m.request);
    v("worker", m.worker);
}
template <class V>
void describe(V& v, UserQuota& m) {
    v("user", m.user);
    v("quota", m.quota);
}
template <class V>
void describe(V& v, SetQuotas& m) {
    v("request", m.request);
    v("users", m.users);
}
template <class V>
void describe(V& v, SchedulesChanged& m) {
    v("request", m.request);
}
template <class V>
void describe(V& v, ListWorkers& m) {
    v("request", m.request);
}
template <class V>
void describe(V& v, ListQueues& m) {
    v("request", m.request);
}
template <class V>
void describe(V& v, FollowJob& m) {
    v("job", m.job);
}
template <class V>
void describe(V& v, UnfollowJob& m) {
    v("job", m.job);
}
template <class V>
void describe(V& v, WatchJob& m) {
    v("job", m.job);
}
template <class V>
void describe(V& v, ExplainJob& m) {
    v("request", m.request);
    v("job", m.job);
}
template <class V>
void describe(V& v, AskStatistics& m) {
    v("request", m.request);
}
template <class V>
void describe(V& v, JobsSubmitted& m) {
    v("request", m.request);
    v("jobs", m.jobs);
    v("replayed", m.replayed);
}
template <class V>
void describe(V& v, SubmitRefused& m) {
    v("request", m.request);
    v("why", m.why);
    v("detail", m.detail);
    v("retry_after_ms", m.retry_after_ms);
}
template <class V>
void describe(V& v, CancelAnswered& m) {
    v("request", m.request);
    v("answers", m.answers);
}
template <class V>
void describe(V& v, OperatorAnswered& m) {
    v("request", m.request);
    v("refused", m.refused);
}
template <class V>
void describe(V& v, WorkerView& m) {
    v("name", m.name);
    v("software", m.software);
    v("connected", m.connected);
    v("draining", m.draining);
    v("cpu_millis", m.cpu_millis);
    v("cpu_millis_used", m.cpu_millis_used);
    v("memory_bytes", m.memory_bytes);
    v("memory_bytes_used", m.memory_bytes_used);
    v("labels", m.labels);
    v("resources", m.resources);
    v("attempts", m.attempts);
    v("connected_since_us", m.connected_since);
}
template <class V>
void describe(V& v, WorkersListed& m) {
    v("request", m.request);
    v("workers", m.workers);
}
template <class V>
void describe(V& v, QueueView& m) {
    v("name", m.name);
    v("weight_millis", m.weight_millis);
    v("max_running", m.max_running);
    v("held", m.held);
    v("description", m.description);
    v("queued", m.queued);
    v("running", m.running);
}
template <class V>
void describe(V& v, QueuesListed& m) {
    v("request", m.request);
    v("queues", m.queues);
}
template <class V>
void describe(V& v, JobFollowed& m) {
    v("job", m.job);
}
template <class V>
void describe(V& v, JobHappened& m) {
    v("job", m.job);
    v("seq", m.seq);
    v("at_us", m.at);
    v("move", m.move);
    v("state", m.state);
    v("attempt", m.attempt);
    v("worker", m.worker);
    v("detail", m.detail);
}
template <class V>
void describe(V& v, JobPrinted& m) {
    v("attempt", m.attempt);
    v("stream", m.stream);
    v("offset", m.offset);
}
template <class V>
void describe(V& v, JobEnded& m) {
    v("job", m.job);
    v("known", m.known);
}
template <class V>
void describe(V& v, JobExplained& m) {
    v("request", m.request);
    v("text", m.text);
    v("reason", m.reason);
    v("own_jobs_ahead", m.own_jobs_ahead);
    v("users_ahead", m.users_ahead);
    v("waits_for", m.waits_for);
    v("not_before_us", m.not_before);
    v("estimated_start_us", m.estimated_start);
}
template <class V>
void describe(V& v, Statistics& m) {
    v("request", m.request);
    v("blocked", m.blocked);
    v("queued", m.queued);
    v("starting", m.starting);
    v("running", m.running);
    v("workers_connected", m.workers_connected);
    v("commits", m.commits);
    v("committed_changes", m.committed_changes);
    v("commit_failures", m.commit_failures);
    v("submitted", m.submitted);
    v("ended", m.ended);
    v("lost_attempts", m.lost_attempts);
    v("stale_refused", m.stale_refused);
    v("resident_bytes", m.resident_bytes);
}
template <class V>
void describe(V& v, Unavailable& m) {
    v("request", m.request);
    v("reason", m.reason);
    v("retry_after_ms", m.retry_after_ms);
}

// The word that stands for a message on the wire, by its place in the variant.
constexpr std::string_view type_names[] = {"hello",
                                           "welcome",
                                           "refused",
                                           "renew",
                                           "started",
                                           "output",
                                           "finished",
                                           "returned",
                                           "draining",
                                           "fetch_blob",
                                           "lease",
                                           "blob_fetched",
                                           "cancel",
                                           "revoke",
                                           "finish_acknowledged",
                                           "renewed",
                                           "submit",
                                           "cancel_jobs",
                                           "configure_queue",
                                           "remove_queue",
                                           "drain_worker",
                                           "forget_worker",
                                           "set_quota",
                                           "schedules_changed",
                                           "list_workers",
                                           "list_queues",
                                           "follow",
                                           "unfollow",
                                           "watch",
                                           "explain",
                                           "ask_statistics",
                                           "submitted",
                                           "submit_refused",
                                           "cancel_answered",
                                           "operator_answered",
                                           "workers",
                                           "queues",
                                           "followed",
                                           "happened",
                                           "printed",
                                           "ended",
                                           "explained",
                                           "statistics",
                                           "unavailable"};
static_assert(std::size(type_names) == std::variant_size_v<Message>);

// ---- writing
// ----------------------------------------------------------------------------------------------------------

struct Writer {
    JsonWriter& json;

    void value(bool b) { json.Bool(b); }
    template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) void value(I i) { json.Int64(i); }
    template <class E>
    requires std::is_enum_v<E>
    void value(E e) { json.Int64(static_cast<std::int64_t>(e)); }
    template <class Tag>
    void value(Id<Tag> id) {
        json.Int64(id.value);
    }
    template <class Rep, class Period>
    void value(std::chrono::duration<Rep, Period> d) {
        json.Int64(d.count());
    }
    void value(std::string& s) { put(json, s); }
    void value(AttemptRef& ref) {  // [job, attempt]: renewals carry many of them
        json.StartArray();
        json.Int64(ref.job.value);
        json.Int64(ref.attempt);
        json.EndArray();
    }
    void value(WallTime& time) { json.Int64(to_unix_us(time)); }
    template <class T>
    void value(std::optional<T>& maybe) {
        if (maybe)
            value(*maybe);
        else
            json.Null();
    }
    template <class T>
    void value(std::map<std::string, T>& map) {
        json.StartObject();
        for (auto& [key, item] : map) {
            put_key(json, key);
            value(item);
        }
        json.EndObject();
    }
    template <class T>
    void value(std::vector<T>& list) {
        json.StartArray();
        for (auto& item : list) value(item);
        json.EndArray();
    }
    template <class T>
    requires(std::is_class_v<T>) void value(T& message) {
        json.StartObject();
        describe(*this, message);
        json.EndObject();
    }
    template <class T>
    void operator()(const char* name, T& field) {
        json.Key(name);
        value(field);
    }
    // Of what most jobs do not use: a default is not written, and a reader keeps its own.
    template <class T>
    void unless_default(const char* name, T& field) {
        unless(name, field, T{});
    }
    template <class T, class D>
    void unless(const char* name, T& field, const D& standard) {
        if (!(field == standard)) (*this)(name, field);
    }
};

// ---- reading
// ----------------------------------------------------------------------------------------------------------

class Reader {
  public:
    Reader(const rapidjson::Value& object, std::string& error) : object_(object), error_(error) {}

    template <class T>
    void operator()(const char* name, T& field) {
        if (!error_.empty()) return;
        const auto member = object_.FindMember(name);
        if (member == object_.MemberEnd()) return;
        if (!read(member->value, field) && error_.empty()) error_ = fmt::format("field {} has a wrong value", name);
    }
    template <class T>
    void unless_default(const char* name, T& field) {
        (*this)(name, field);
    }
    template <class T, class D>
    void unless(const char* name, T& field, const D&) {
        (*this)(name, field);
    }

  private:
    static bool read(const rapidjson::Value& v, bool& b) {
        if (!v.IsBool()) return false;
        b = v.GetBool();
        return true;
    }
    template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) static bool read(const rapidjson::Value& v, I& i) {
        if (!v.IsInt64()) return false;
        const std::int64_t wide = v.GetInt64();
        if (wide < std::numeric_limits<I>::min() || wide > std::numeric_limits<I>::max()) return false;
        i = static_cast<I>(wide);
        return true;
    }
    static bool read(const rapidjson::Value& v, OutcomeKind& e) { return read_enum(v, e, OutcomeKind::worker_lost); }
    static bool read(const rapidjson::Value& v, DependencyCondition& e) {
        return read_enum(v, e, DependencyCondition::failed);
    }
    static bool read(const rapidjson::Value& v, JobMove& e) { return read_enum(v, e, JobMove::settle); }
    static bool read(const rapidjson::Value& v, JobState& e) { return read_enum(v, e, JobState::lost); }
    static bool read(const rapidjson::Value& v, SubmitRefused::Why& e) {
        return read_enum(v, e, SubmitRefused::Why::no_such_blob);
    }
    static bool read(const rapidjson::Value& v, Network& e) { return read_enum(v, e, Network::full); }
    static bool read(const rapidjson::Value& v, OutputStream& e) {
        return read_enum(v, e, OutputStream::standard_error) && e >= OutputStream::standard_output;
    }
    template <class E>
    static bool read_enum(const rapidjson::Value& v, E& e, E last) {
        std::int16_t number = 0;
        if (!read(v, number) || number < 0 || number > static_cast<std::int16_t>(last)) return false;
        e = static_cast<E>(number);
        return true;
    }
    template <class Tag>
    static bool read(const rapidjson::Value& v, Id<Tag>& id) {
        return read(v, id.value) && id.value >= 0;
    }
    template <class Rep, class Period>
    static bool read(const rapidjson::Value& v, std::chrono::duration<Rep, Period>& d) {
        std::int64_t count = 0;
        if (!read(v, count)) return false;
        d = std::chrono::duration<Rep, Period>(count);
        return true;
    }
    static bool read(const rapidjson::Value& v, std::string& s) {
        if (!v.IsString()) return false;
        s.assign(v.GetString(), v.GetStringLength());
        return true;
    }
    static bool read(const rapidjson::Value& v, AttemptRef& ref) {
        return v.IsArray() && v.Size() == 2 && read(v[0], ref.job) && read(v[1], ref.attempt);
    }
    static bool read(const rapidjson::Value& v, WallTime& time) {
        std::int64_t us = 0;
        if (!read(v, us)) return false;
        time = from_unix_us(us);
        return true;
    }
    template <class T>
    bool read(const rapidjson::Value& v, std::optional<T>& maybe) {
        maybe.reset();
        return v.IsNull() || read(v, maybe.emplace());
    }
    template <class T>
    static bool read(const rapidjson::Value& v, std::map<std::string, T>& map) {
        if (!v.IsObject()) return false;
        map.clear();
        for (const auto& member : v.GetObject())
            if (!read(member.value, map[std::string(text_of(member.name))])) return false;
        return true;
    }
    template <class T>
    bool read(const rapidjson::Value& v, std::vector<T>& list) {
        if (!v.IsArray()) return false;
        list.clear();
        list.reserve(v.Size());
        for (const auto& item : v.GetArray())
            if (!read(item, list.emplace_back())) return false;
        return true;
    }
    template <class T>
    requires(std::is_class_v<T>) bool read(const rapidjson::Value& v, T& message) {
        if (!v.IsObject()) return false;
        Reader inner(v, error_);
        describe(inner, message);
        return error_.empty();
    }

    const rapidjson::Value& object_;
    std::string& error_;
};

template <std::size_t I = 0>
Result<Message> decode_as(std::string_view type, const rapidjson::Value& object) {
    if constexpr (I == std::variant_size_v<Message>) {
        return make_error(ErrorKind::invalid, fmt::format("unknown message \"{}\"", to_valid_utf8(type.substr(0, 64))));
    } else {
        if (type != type_names[I]) return decode_as<I + 1>(type, object);
        std::variant_alternative_t<I, Message> message;
        std::string error;
        Reader reader(object, error);
        describe(reader, message);
        if (!error.empty()) return make_error(ErrorKind::invalid, fmt::format("message \"{}\": {}", type, error));
        return Message(std::move(message));
    }
}

// Fields, and nothing of the frame around them.
struct Details {
    JobSpec& spec;
};
template <class V>
void describe(V& v, Details& m) {
    describe_details(v, m.spec);
    v.unless_default("cpu_time_ms", m.spec.limits.cpu_time);
    v.unless_default("file_bytes", m.spec.limits.file_bytes);
    v.unless_default("inodes", m.spec.limits.inodes);
}

}  // namespace

std::string encode_item(const SubmitItem& item) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    Writer writer{json};
    SubmitItem copy = item;
    writer.value(copy);
    return std::string(text_of(buffer));
}

Result<SubmitItem> decode_item(std::string_view text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return make_error(ErrorKind::invalid, "an item of a submit is a JSON object");
    std::string error;
    Reader reader(document, error);
    SubmitItem item;
    describe(reader, item);
    if (!error.empty()) return make_error(ErrorKind::invalid, "an item of a submit: " + error);
    return item;
}

std::string encode_details(const JobSpec& spec) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    Writer writer{json};
    JobSpec copy = spec;
    Details details{copy};
    json.StartObject();
    describe(writer, details);
    json.EndObject();
    return buffer.GetSize() == 2 ? std::string() : std::string(text_of(buffer));
}

Status decode_details(std::string_view text, JobSpec& spec) {
    if (text.empty()) return Status();
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return make_error(ErrorKind::invalid, "the details of a job are a JSON object");
    std::string error;
    Reader reader(document, error);
    Details details{spec};
    describe(reader, details);
    if (!error.empty()) return make_error(ErrorKind::invalid, "the details of a job: " + error);
    return Status();
}

std::string encode(const Message& message) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("type");
    put(json, type_names[message.index()]);
    Writer writer{json};
    // describe() serves both directions, so it takes its message by non-const reference; the writer changes nothing.
    std::visit([&](const auto& m) { describe(writer, const_cast<std::remove_cvref_t<decltype(m)>&>(m)); }, message);
    json.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

Result<Message> decode(std::string_view header) {
    JsonRules rules;
    rules.max_depth = 16;
    rules.allow_nul = true;  // peers are ours: what they say was checked at the edge; bytes of jobs may hold anything
    WINDLASS_TRY(const auto document, parse_json(header, rules));
    if (!document.IsObject()) return make_error(ErrorKind::invalid, "a message is a JSON object");
    const auto type = document.FindMember("type");
    if (type == document.MemberEnd() || !type->value.IsString())
        return make_error(ErrorKind::invalid, "a message needs a type");
    return decode_as(text_of(type->value), document);
}

}  // namespace windlass::protocol
