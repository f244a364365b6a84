// A client of Windlass in one header: submit, map, wait, results, follow. C++20, over cpp-httplib and RapidJSON
// (Debian: libcpp-httplib-dev, rapidjson-dev; link httplib with the flags of `pkg-config --cflags --libs cpp-httplib`).
//
//     windlass::client::Site site = windlass::client::Site::from_environment();   // WINDLASS_URL, WINDLASS_TOKEN
//     windlass::client::Job job = site.submit({.commands = "sort data | uniq -c", .data = "b\na\nb\n"});
//     std::cout << job.result().standard_output;
//
// Every call blocks. A Site may be used by several threads at once, each call has a connection of its own. What may be
// sent again is sent again while the server is away, for `patience`; a submit carries an Idempotency-Key, so that it
// makes one job however often it is sent. Failures are exceptions: Error and what is derived from it.
#pragma once

#include <httplib.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace windlass::client {

class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};
// No whole answer, or "not now", for as long as we were patient: nothing is wrong with the request.
class ServerAway : public Error {
  public:
    using Error::Error;
};
// The server said no.
class Refused : public Error {
  public:
    Refused(int status, const std::string& message) : Error(message), status(status) {}
    int status;  // of HTTP: 400 and 422 bad input, 401 and 403 not allowed, 404 not there, 409 not now, 429 too much
};
class JobDidNotSucceed : public Error {
  public:
    JobDidNotSucceed(std::string job, std::string status, const std::string& message)
        : Error(message), job(std::move(job)), status(std::move(status)) {}
    std::string job, status;
};

// What one job is to do. Fields that are not named here (docs/api.md, Submitting) go into `more` as JSON:
// {{"limits", R"({"memory_bytes": 268435456})"}}.
struct Submit {
    std::string commands;
    std::string code, data;
    std::string name;
    std::map<std::string, std::string> env;
    std::optional<double> timeout_s;
    std::optional<int> priority;
    std::vector<std::string> after;  // ids of jobs that must succeed first
    std::map<std::string, std::string> more;
};

struct LeftFile {
    std::string path, sha256;
    std::int64_t size = 0;
};

struct Result {
    std::string job;
    double duration_s = 0;
    std::string outcome;  // exited, signalled, out_of_memory, out_of_time, out_of_disk, output_limit, cancelled, …
    std::optional<int> exit_code, signal;
    std::string standard_output, standard_error;  // what was not UTF-8 is U+FFFD
    std::vector<LeftFile> files;
    std::string json;  // all of `results`, as the server said it

    bool succeeded() const { return outcome == "exited" && exit_code == 0; }
};

namespace detail {

inline std::string text_of(const rapidjson::Value& object, const char* key) {
    const auto found = object.FindMember(key);
    return found != object.MemberEnd() && found->value.IsString()
               ? std::string(found->value.GetString(), found->value.GetStringLength())
               : std::string();
}

inline rapidjson::Document parsed(const std::string& body, const std::string& what) {
    rapidjson::Document document;
    document.Parse(body.data(), body.size());
    if (document.HasParseError()) throw Error(what + ": the answer is not JSON; is this a Windlass server?");
    return document;
}

inline std::string written(const rapidjson::Value& value) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

// Drawn once per submit, and kept for all its repetitions.
inline std::string idempotency_key() {
    std::random_device device;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string key;
    for (int i = 0; i < 4; ++i)
        for (std::uint32_t bits = device(), digit = 0; digit < 8; ++digit, bits >>= 4) key += digits[bits & 15];
    return key;
}

inline const rapidjson::Value& object_of(const rapidjson::Document& document, const std::string& what) {
    if (!document.IsObject()) throw Error(what + ": the answer is no JSON object; is this a Windlass server?");
    return document;
}

// RFC 9457: the detail, and each fault of the input with its pointer.
inline std::string reason(const httplib::Response& response) {
    rapidjson::Document problem;
    problem.Parse(response.body.data(), response.body.size());
    std::string text;
    if (!problem.HasParseError() && problem.IsObject()) {
        text = text_of(problem, "detail");
        const auto errors = problem.FindMember("errors");
        if (errors != problem.MemberEnd() && errors->value.IsArray())
            for (const auto& error : errors->value.GetArray())
                if (error.IsObject()) text += "; " + text_of(error, "pointer") + ": " + text_of(error, "detail");
    }
    return text.empty() ? "status " + std::to_string(response.status) : text;
}

// Server-Sent Events (WHATWG HTML, section 9.2.6), from pieces of any size.
class EventReader {
  public:
    using OnEvent = std::function<void(const std::string& type, const std::string& id, const std::string& data)>;
    explicit EventReader(OnEvent on_event) : on_event_(std::move(on_event)) {}
    void add(std::string_view bytes) {
        for (const char c : bytes) {
            if (c == '\n') {
                take(std::exchange(line_, {}));
            } else if (c != '\r') {
                line_ += c;
            }
        }
    }

  private:
    void take(const std::string& line) {
        if (line.empty()) {
            if (!data_.empty()) on_event_(type_.empty() ? "message" : type_, id_, data_.substr(0, data_.size() - 1));
            type_.clear();
            data_.clear();
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == 0) return;  // a comment
        const std::string name = line.substr(0, colon);
        std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
        if (!value.empty() && value.front() == ' ') value.erase(0, 1);
        if (name == "event") type_ = value;
        if (name == "data") data_ += value + "\n";
        if (name == "id") id_ = value;
    }

    OnEvent on_event_;
    std::string line_, type_, id_, data_;
};

}  // namespace detail

class Job;

class Site {
  public:
    // `url`: http://HOST:PORT or https://HOST.
    Site(std::string url, std::string token, std::chrono::milliseconds patience = std::chrono::minutes{1})
        : url_(std::move(url)), token_(std::move(token)), patience_(patience) {
        while (!url_.empty() && url_.back() == '/') url_.pop_back();
    }
    static Site from_environment() {
        const char* url = std::getenv("WINDLASS_URL");
        const char* token = std::getenv("WINDLASS_TOKEN");
        if (url == nullptr || token == nullptr)
            throw Error("WINDLASS_URL and WINDLASS_TOKEN say which server, as whom");
        return {url, token};
    }

    Job submit(const Submit& job) const;
    // Runs `job` once for each of `parameters`, which it sees as environment variables; waits for all of them. The
    // results in the same order, also of those that failed.
    std::vector<Result> map(const Submit& job, const std::vector<std::map<std::string, std::string>>& parameters) const;
    Job job(const std::string& id) const;

    std::chrono::milliseconds patience() const { return patience_; }

    // Sends what may be sent again. 2xx is the answer, anything else is thrown.
    httplib::Response send(const std::string& method, const std::string& path, const std::string& body,
                           const std::string& what, httplib::Headers headers = {},
                           std::chrono::seconds answer_within = std::chrono::seconds{60}) const {
        const auto deadline = std::chrono::steady_clock::now() + patience_;
        std::chrono::milliseconds pause{50};
        while (true) {
            const httplib::Result answer = connection(answer_within).send(request(method, path, body, headers));
            if (answer && answer->status >= 200 && answer->status < 300) return *answer;
            const bool not_now = !answer || answer->status == 502 || answer->status == 503 || answer->status == 504;
            if (!not_now) throw Refused(answer->status, what + ": " + detail::reason(*answer));
            const std::string why = answer ? detail::reason(*answer) : httplib::to_string(answer.error());
            if (std::chrono::steady_clock::now() + pause > deadline)
                throw ServerAway(what + ": no answer from " + url_ + " (" + why + ")");
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, std::chrono::milliseconds{2000});
        }
    }

    // An answer that goes on, in pieces until `on_bytes` returns false; its status, or nothing when it broke off.
    std::optional<int> stream(const std::string& path, const std::string& what, httplib::Headers headers,
                              const std::function<bool(std::string_view)>& on_bytes) const {
        httplib::Client client = connection(std::chrono::seconds{60});
        httplib::Request asked = request("GET", path, {}, std::move(headers));
        int status = 0;
        std::string refusal;
        asked.response_handler = [&](const httplib::Response& response) {
            status = response.status;
            return true;
        };
        asked.content_receiver = [&](const char* bytes, std::size_t size, std::uint64_t, std::uint64_t) {
            if (status == 200) return on_bytes({bytes, size});
            refusal.append(bytes, size);
            return refusal.size() < 65536;
        };
        const httplib::Result answer = client.send(asked);
        if (status >= 400 && status != 502 && status != 503 && status != 504) {
            httplib::Response refused;
            refused.status = status;
            refused.body = refusal;
            throw Refused(status, what + ": " + detail::reason(refused));
        }
        return answer ? std::optional(answer->status) : std::nullopt;
    }

  private:
    httplib::Client connection(std::chrono::seconds answer_within) const {
        httplib::Client client(url_);
        if (!client.is_valid()) throw Error(url_ + " is no address of a server: http://HOST:PORT or https://HOST");
        client.set_connection_timeout(std::chrono::seconds{5});
        client.set_read_timeout(answer_within);
        client.set_follow_location(false);  // a credential must not wander
        return client;
    }
    httplib::Request request(const std::string& method, const std::string& path, const std::string& body,
                             httplib::Headers headers) const {
        httplib::Request made;
        made.method = method;
        made.path = path;
        made.headers = std::move(headers);
        made.headers.emplace("Authorization", "Bearer " + token_);
        if (method != "GET") made.headers.emplace("Content-Type", "application/json");
        made.body = body;
        return made;
    }
    std::string send_submit(const Submit& job, const std::vector<std::map<std::string, std::string>>* members) const;

    std::string url_, token_;
    std::chrono::milliseconds patience_;
};

// A job on the server, by its id. Nothing of its state is kept here: each question asks the server.
class Job {
  public:
    Job(Site site, std::string id) : site_(std::move(site)), id_(std::move(id)) {
        if (id_.empty() || !std::all_of(id_.begin(), id_.end(), [](char c) { return c >= '0' && c <= '9'; }))
            throw Error("\"" + id_ + "\" is no id of a job");
    }
    const std::string& id() const { return id_; }

    std::string status() const { return detail::text_of(show("?"), "status"); }
    // A sentence: what it waits for.
    std::string why() const { return detail::text_of(show("why/"), "text"); }

    // Its final status; nothing when it has not ended within `at_most`.
    std::optional<std::string> wait(std::optional<std::chrono::milliseconds> at_most = {}) const {
        using Clock = std::chrono::steady_clock;
        const auto deadline = Clock::now() + at_most.value_or(std::chrono::hours{24 * 365 * 10});
        while (true) {
            const auto left = std::clamp<std::chrono::milliseconds>(
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()), {},
                std::chrono::seconds{30});
            const std::string now =
                detail::text_of(show("?wait=" + std::to_string(static_cast<double>(left.count()) / 1000)), "status");
            for (const char* end : {"succeeded", "failed", "cancelled", "timed_out", "lost"})
                if (now == end) return now;
            if (Clock::now() >= deadline) return std::nullopt;
        }
    }

    // Waits, and returns what it left, however it ended.
    Result end() const {
        wait();
        const std::string what = "the result of job " + id_;
        const auto answer = detail::parsed(site_.send("GET", "/api/results/" + id_ + "/", {}, what).body, what);
        const rapidjson::Value& described = detail::object_of(answer, what);
        if (!described.HasMember("results") || !described["results"].IsObject()) throw Error(what + " is not there");
        const rapidjson::Value& found = described["results"];
        Result result;
        result.job = id_;
        result.duration_s = std::strtod(detail::text_of(described, "duration").c_str(), nullptr);
        result.outcome = detail::text_of(found, "outcome");
        for (const auto& [key, into] : {std::pair{"exit_code", &result.exit_code}, {"signal", &result.signal}})
            if (found.HasMember(key) && found[key].IsInt()) *into = found[key].GetInt();
        result.standard_output = detail::text_of(found, "stdout");
        result.standard_error = detail::text_of(found, "stderr");
        if (found.HasMember("files") && found["files"].IsArray())
            for (const auto& file : found["files"].GetArray())
                result.files.push_back(
                    {detail::text_of(file, "path"), detail::text_of(file, "sha256"),
                     file.HasMember("size") && file["size"].IsInt64() ? file["size"].GetInt64() : 0});
        result.json = detail::written(found);
        return result;
    }
    // The same of a job that succeeded; throws JobDidNotSucceed of any other.
    Result result() const {
        Result left = end();
        if (left.succeeded()) return left;
        const std::string now = status();
        std::string message = "job " + id_ + " " + now;
        if (left.exit_code) message += " with exit code " + std::to_string(*left.exit_code);
        throw JobDidNotSucceed(id_, now, message);
    }
    std::string read(const LeftFile& file) const {
        std::string path = "/api/results/" + id_ + "/files/";
        constexpr std::string_view digits = "0123456789ABCDEF";
        for (const unsigned char c : file.path) {
            if (std::isalnum(c) != 0 || std::string_view("/-._~").find(static_cast<char>(c)) != std::string_view::npos)
                path += static_cast<char>(c);
            else
                path = path + '%' + digits[c >> 4] + digits[c & 15];
        }
        return site_.send("GET", path, {}, file.path + " of job " + id_).body;
    }

    // Asks for its end; wait() says when it has come.
    void cancel() const { site_.send("DELETE", "/api/jobs/" + id_ + "/", {}, "cancelling job " + id_); }

    // What it prints, as it comes, until it has ended. Goes on by itself, with no byte lost or told twice, when the
    // connection breaks or the server starts anew; a new attempt of the job begins anew.
    void follow(const std::function<void(bool standard_error, std::string_view text)>& on_output) const {
        const std::string what = "following job " + id_;
        std::string last_id;
        bool ended = false;
        auto heard = std::chrono::steady_clock::now();
        while (!ended) {
            detail::EventReader reader([&](const std::string& type, const std::string& id, const std::string& data) {
                last_id = id;
                heard = std::chrono::steady_clock::now();
                if (type == "end") ended = true;
                if (type != "output") return;
                const auto output = detail::parsed(data, what);
                on_output(detail::text_of(output, "stream") == "stderr", detail::text_of(output, "text"));
            });
            httplib::Headers headers{{"Accept", "text/event-stream"}};
            if (!last_id.empty()) headers.emplace("Last-Event-ID", last_id);
            const auto status = site_.stream("/api/jobs/" + id_ + "/log/", what, headers, [&](std::string_view bytes) {
                reader.add(bytes);
                return true;
            });
            if (ended || status == 204) return;
            if (std::chrono::steady_clock::now() - heard > site_.patience())
                throw ServerAway(what + ": the server is away");
            std::this_thread::sleep_for(std::chrono::milliseconds{200});
        }
    }

    // Of an array: its members, in order.
    std::vector<Job> members() const {
        std::vector<Job> found;
        std::string after;
        while (true) {
            const std::string what = "the members of " + id_;
            const httplib::Response page =
                site_.send("GET", "/api/jobs/" + id_ + "/members/?limit=1000" + after, {}, what);
            const auto rows = detail::parsed(page.body, what);
            if (!rows.IsArray()) throw Error(what + ": the answer is no list");
            for (const auto& row : rows.GetArray()) found.emplace_back(site_, detail::text_of(row, "id"));
            const std::string link = page.get_header_value("Link");
            const std::size_t cursor = link.find("after=");
            if (cursor == std::string::npos) return found;
            after = "&" + link.substr(cursor, link.find_first_of("&>", cursor) - cursor);
        }
    }

  private:
    rapidjson::Document show(const std::string& path) const {
        const std::string what = "job " + id_;
        auto answer = detail::parsed(site_.send("GET", "/api/jobs/" + id_ + "/" + path, {}, what).body, what);
        detail::object_of(answer, what);
        return answer;
    }

    Site site_;
    std::string id_;
};

inline Job Site::job(const std::string& id) const {
    return Job(*this, id);
}

inline std::string Site::send_submit(const Submit& job,
                                     const std::vector<std::map<std::string, std::string>>* members) const {
    rapidjson::Document body(rapidjson::kObjectType);
    auto& memory = body.GetAllocator();
    const auto text = [&](const std::string& from) {
        return rapidjson::Value(from.data(), static_cast<rapidjson::SizeType>(from.size()), memory);
    };
    const auto object = [&](const std::map<std::string, std::string>& from) {
        rapidjson::Value made(rapidjson::kObjectType);
        for (const auto& [name, value] : from) made.AddMember(text(name), text(value), memory);
        return made;
    };
    body.AddMember("running_commands", text(job.commands), memory);
    body.AddMember("code", text(job.code), memory);
    body.AddMember("data", text(job.data), memory);
    if (!job.name.empty()) body.AddMember("name", text(job.name), memory);
    if (!job.env.empty()) body.AddMember("env", object(job.env), memory);
    if (job.timeout_s) body.AddMember("timeout_s", *job.timeout_s, memory);
    if (job.priority) body.AddMember("priority", *job.priority, memory);
    if (!job.after.empty()) {
        rapidjson::Value after(rapidjson::kArrayType);
        for (const std::string& id : job.after)
            after.PushBack(rapidjson::Value(rapidjson::kObjectType).AddMember("job", text(id), memory), memory);
        body.AddMember("after", after, memory);
    }
    for (const auto& [name, json] : job.more) {
        rapidjson::Document value(&memory);
        value.Parse(json.data(), json.size());
        if (value.HasParseError()) throw Error("the field " + name + " of a submit is not JSON: " + json);
        body.AddMember(text(name), value, memory);
    }
    if (members != nullptr) {
        rapidjson::Value array(rapidjson::kArrayType);
        for (const auto& member : *members) array.PushBack(object(member), memory);
        body.AddMember("array", array, memory);
    }
    const std::string what = "submitting a job";
    const auto answer = detail::parsed(
        send("POST", "/api/jobs/submit/", detail::written(body), what, {{"Idempotency-Key", detail::idempotency_key()}})
            .body,
        what);
    return detail::text_of(detail::object_of(answer, what), "id");
}

inline Job Site::submit(const Submit& job) const {
    return Job(*this, send_submit(job, nullptr));
}

inline std::vector<Result> Site::map(const Submit& job,
                                     const std::vector<std::map<std::string, std::string>>& parameters) const {
    std::vector<Result> results;
    if (parameters.empty()) return results;
    const Job array(*this, send_submit(job, &parameters));
    array.wait();
    for (const Job& member : array.members()) results.push_back(member.end());
    return results;
}

}  // namespace windlass::client
