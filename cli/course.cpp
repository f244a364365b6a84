#include <fmt/format.h>
#include <poll.h>

#include <memory>

#include "cli/commands.h"
#include "cli/course_words.h"
#include "cli/noun.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "shared/percent_encoding.h"
#include "shared/time.h"

namespace windlass::cli {
namespace {

constexpr int look_again_ms = 200;  // how often a launch that is awaited is looked at

// Paths of courses begin with the name of the one who asks.
Result<std::string> own_path(Server& server, const char* family, const std::string& rest = "") {
    WINDLASS_TRY(const ServerAnswer me, server.get("/api/user/"));
    return fmt::format("/v1/{}/{}/{}", family, percent_encoded(member_text(me.document, "username")), rest);
}

Result<std::string> path_of_course(Server& server, const std::string& word) {
    WINDLASS_TRY(const std::string path, own_path(server, "course"));
    WINDLASS_TRY(const ServerAnswer courses, server.get(path));
    WINDLASS_TRY(const std::int64_t id, find_course(courses.document, word));
    return fmt::format("{}{}/", path, id);
}

Status list_courses(const Options& options) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, own_path(server, "course"));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    return print_list_at(options, answer, "courses",
                         {{"course_id", "ID", 8}, {"image", "IMAGE", 20}, {"course_name", "NAME", 0}}, "course_id");
}

Status show_course(const Options& options, const std::string& word) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, path_of_course(server, word));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    return print_object_at(options, answer, "course", "course_id");
}

Status add_course_of(const Options& options, const CourseWords& words) {
    WINDLASS_TRY(const std::string body, course_body(words));
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, own_path(server, "course"));
    WINDLASS_TRY(const ServerAnswer answer, server.post(path, body));
    fmt::print("{}\n", options.json ? without_envelope(answer) : member_text(answer.document, "course_id"));
    return {};
}

Status delete_course(const Options& options, const std::string& word) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, path_of_course(server, word));
    WINDLASS_TRY(const ServerAnswer answer, server.remove(path));
    return print_message(options, answer);
}

Status list_running(const Options& options) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, own_path(server, "job"));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    return print_list_at(
        options, answer, "jobs",
        {{"job_id", "JOB", 12}, {"status", "STATUS", 8}, {"course_name", "COURSE", 24}, {"address", "ADDRESS", 0}},
        "job_id");
}

std::string deployment_json(const RunningDeployment& one) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_key(json, "job_id");
    json.Int64(one.job);
    put_key(json, "status");
    put(json, one.status);
    put_key(json, "address");
    put(json, one.address);
    json.EndObject();
    return std::string(text_of(buffer));
}

// Until its service answers; then its address.
Status wait_and_print_address(const Options& options, Server& server, const std::string& word, double patience_s) {
    WINDLASS_TRY(const std::string path, own_path(server, "job"));
    const SteadyTime end = SystemClock().now().steady + Microseconds{static_cast<std::int64_t>(patience_s * 1e6)};
    while (true) {
        WINDLASS_TRY(const ServerAnswer running, server.get(path));
        WINDLASS_TRY(const RunningDeployment one, find_deployment(running.document, word));
        if (one.status == "Ready") {
            if (options.json)
                fmt::print("{}\n", deployment_json(one));
            else
                fmt::print("{}\n", harmless(one.address));
            return {};
        }
        if (SystemClock().now().steady >= end)
            return make_error(ErrorKind::unavailable,
                              fmt::format("deployment {} is not ready yet, it is {}; why: windlass job why {}", one.job,
                                          one.status, one.job));
        poll(nullptr, 0, look_again_ms);
    }
}

struct LaunchWords {
    std::string course;
    bool wait = false;
    std::string patience = "5m";
};

Status launch(const Options& options, const LaunchWords& words) {
    WINDLASS_TRY(const double patience, parse_seconds(words.patience));
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, own_path(server, "course"));
    WINDLASS_TRY(const ServerAnswer courses, server.get(path));
    WINDLASS_TRY(const std::int64_t course, find_course(courses.document, words.course));
    WINDLASS_TRY(const ServerAnswer launched, server.post(path, fmt::format(R"({{"course_id":{}}})", course)));
    const std::string job = member_text(launched.document, "job_id");
    if (words.wait) return wait_and_print_address(options, server, job, patience);
    fmt::print("{}\n", options.json ? without_envelope(launched) : job);
    return {};
}

Status open(const Options& options, const LaunchWords& words) {
    WINDLASS_TRY(const double patience, parse_seconds(words.patience));
    WINDLASS_TRY(Server server, Server::find(options.url));
    return wait_and_print_address(options, server, words.course, patience);
}

Status stop(const Options& options, const std::string& word) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, own_path(server, "job"));
    WINDLASS_TRY(const ServerAnswer running, server.get(path));
    WINDLASS_TRY(const RunningDeployment one, find_deployment(running.document, word));
    WINDLASS_TRY(const ServerAnswer answer, server.remove(fmt::format("{}{}/", path, one.job)));
    return print_message(options, answer);
}

void add_add(CLI::App& course, Options& options) {
    auto words = std::make_shared<CourseWords>();
    CLI::App* add = course.add_subcommand("add", "make a course and print its id (teachers)");
    add->add_option("name", words->name, "what it is called; any text")->required();
    add->add_option("--image", words->image, "of `windlass image list`")->required();
    add->add_option("--dataset", words->datasets, "of `windlass dataset list`, found at /tmp/<name>; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    add->add_option("--description", words->description, "markdown, or @FILE");
    add->add_option("--level", words->level, "for whom it is; any text");
    add->add_option("--gpu", words->gpu, "how many of the workers' resource gpu");
    add->add_option("--command", words->command, "what runs in the image, by its shell; without: its entry point");
    add->add_option("--port", words->port, "where it listens on 127.0.0.1; it finds it in PORT; default 8080");
    add->add_option("--check-path", words->check_path, "it is ready when a GET of this is answered; default /");
    on_use(*add, options, [words, &options] { return add_course_of(options, *words); });
}

void add_launch(CLI::App& course, Options& options) {
    const char* patience = "give up after so long (90, 1h30m); default 5m";
    auto words = std::make_shared<LaunchWords>();
    CLI::App* command = course.add_subcommand("launch", "start one for yourself and print its job's id");
    command->add_option("course", words->course, "its id or name")->required();
    command->add_flag("--wait", words->wait, "until it is ready; then print its address");
    command->add_option("--patience", words->patience, patience);
    on_use(*command, options, [words, &options] { return launch(options, *words); });
    auto opened = std::make_shared<LaunchWords>();
    CLI::App* address = course.add_subcommand("open", "wait until yours is ready and print its address");
    address->add_option("deployment", opened->course, "its job's id, or its course's name; without: the only one");
    address->add_option("--patience", opened->patience, patience);
    on_use(*address, options, [opened, &options] { return open(options, *opened); });
}

}  // namespace

void add_course(CLI::App& app, Options& options) {
    CLI::App* course = app.add_subcommand("course", "prepared environments, launched with one word");
    course->require_subcommand(1);
    on_use(*course->add_subcommand("list", "those that you made or may launch"), options,
           [&options] { return list_courses(options); });
    add_add(*course, options);
    const char* which = "its id or name";
    add_with_argument(*course, "show", "one course with its description", "course", which, options,
                      [&options](const std::string& word) { return show_course(options, word); });
    add_with_argument(*course, "delete", "delete it and end all that was launched of it (its teacher)", "course", which,
                      options, [&options](const std::string& word) { return delete_course(options, word); });
    add_launch(*course, options);
    on_use(*course->add_subcommand("running", "what you have launched, with its address"), options,
           [&options] { return list_running(options); });
    add_with_argument(*course, "stop", "end one that you launched", "deployment", "its job's id, or its course's name",
                      options, [&options](const std::string& word) { return stop(options, word); });
}

}  // namespace windlass::cli
