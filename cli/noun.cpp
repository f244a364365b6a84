#include "cli/noun.h"

#include <fmt/format.h>

#include "cli/relative_time.h"
#include "cli/terminal.h"

namespace windlass::cli {
namespace {

std::string json_of(const rapidjson::Value& value) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    value.Accept(writer);
    return std::string(text_of(buffer));
}

// `answer` with what stands at `key` of it as its document and its text.
Result<ServerAnswer> part_of(const ServerAnswer& answer, const char* key) {
    const auto found =
        answer.document.IsObject() ? answer.document.FindMember(key) : rapidjson::Value::ConstMemberIterator();
    if (!answer.document.IsObject() || found == answer.document.MemberEnd())
        return make_error(ErrorKind::internal, fmt::format("the server's answer has no {}", key));
    ServerAnswer part;
    part.status = answer.status;
    part.text = json_of(found->value);
    part.document.CopyFrom(found->value, part.document.GetAllocator());
    return part;
}

}  // namespace

Status print_list_at(const Options& options, const ServerAnswer& answer, const char* key,
                     const std::vector<Column>& columns, const char* essential) {
    WINDLASS_TRY(const ServerAnswer part, part_of(answer, key));
    return print_list(options, part, columns, essential);
}

Status print_names_at(const Options& options, const ServerAnswer& answer, const char* key) {
    WINDLASS_TRY(const ServerAnswer part, part_of(answer, key));
    if (options.json) {
        fmt::print("{}\n", part.text);
        return {};
    }
    if (!part.document.IsArray()) return make_error(ErrorKind::internal, "the server's list is not a list");
    for (const auto& name : part.document.GetArray())
        if (name.IsString()) fmt::print("{}\n", harmless(text_of(name)));
    return {};
}

Status print_object_at(const Options& options, const ServerAnswer& answer, const char* key, const char* essential) {
    WINDLASS_TRY(const ServerAnswer part, part_of(answer, key));
    print_object(options, part, essential);
    return {};
}

std::string without_envelope(const ServerAnswer& answer) {
    rapidjson::Document document;
    document.CopyFrom(answer.document, document.GetAllocator());
    if (document.IsObject()) document.RemoveMember("error");
    return json_of(document);
}

Status print_message(const Options& options, const ServerAnswer& answer) {
    if (options.json)
        fmt::print("{}\n", without_envelope(answer));
    else if (!options.quiet)
        fmt::print("{}\n", harmless(member_text(answer.document, "message")));
    return {};
}

Status print_list(const Options& options, const ServerAnswer& answer, const std::vector<Column>& columns,
                  const char* essential) {
    if (options.json) {
        fmt::print("{}\n", answer.text);
        return {};
    }
    if (!answer.document.IsArray()) return make_error(ErrorKind::internal, "the server's list is not a list");
    if (options.quiet) {
        for (const auto& row : answer.document.GetArray()) fmt::print("{}\n", member_text(row, essential));
        return {};
    }
    fmt::print("{}", table_text(answer.document, columns, SystemClock().now().wall, has_colours(stdout)));
    return {};
}

void print_members(const rapidjson::Value& object) {
    // Bytes are bytes for a program that reads them; a terminal would obey them.
    const bool eyes = is_terminal(stdout), colours = has_colours(stdout);
    const WallTime now = SystemClock().now().wall;
    for (const auto& member : object.GetObject()) {
        std::string text = shown_member(object, member.name.GetString());
        if (eyes) {
            const auto at = server_time(text);
            text = text_of(member.name) == "status" ? coloured_status(harmless(text), colours) : harmless(text, true);
            if (at) text += fmt::format("  ({})", relative_time(*at, now));
        }
        fmt::print("{:<18} {}\n", text_of(member.name), text);
    }
}

void print_object(const Options& options, const ServerAnswer& answer, const char* essential) {
    if (options.json || !answer.document.IsObject())
        fmt::print("{}\n", answer.text);
    else if (options.quiet)
        fmt::print("{}\n", member_text(answer.document, essential));
    else
        print_members(answer.document);
}

ExitCode complain(const Options& options, const Error& error) {
    const ExitCode code = exit_code_of(error);
    if (options.json) {
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        writer.StartObject();
        put_key(writer, "error");
        writer.StartObject();
        put_key(writer, "message");
        put(writer, to_valid_utf8(error.message));
        put_key(writer, "exit_code");
        writer.Int(code);
        writer.EndObject();
        writer.EndObject();
        fmt::print("{}\n", text_of(buffer));
    }
    return complain(error);
}

void on_use(CLI::App& command, Options& options, std::function<Status()> action) {
    command.callback([&options, action = std::move(action)] {
        if (const Status status = action(); !status) options.exit_code = complain(options, status.error());
    });
}

void add_list(CLI::App& parent, const char* meaning, const char* path, std::vector<Column> columns,
              const char* essential, Options& options) {
    on_use(*parent.add_subcommand("list", meaning), options,
           [path, columns = std::move(columns), essential, &options]() -> Status {
               WINDLASS_TRY(Server server, Server::find(options.url));
               WINDLASS_TRY(const ServerAnswer answer, server.get_list(path));
               return print_list(options, answer, columns, essential);
           });
}

CLI::App* add_with_argument(CLI::App& parent, const char* word, const char* meaning, const char* argument,
                            const char* argument_meaning, Options& options,
                            std::function<Status(const std::string&)> action) {
    auto value = std::make_shared<std::string>();
    CLI::App* command = parent.add_subcommand(word, meaning);
    command->add_option(argument, *value, argument_meaning)->required();
    on_use(*command, options, [value, action = std::move(action)] { return action(*value); });
    return command;
}

Status perform(const Options& options, const char* method, const std::string& path, const std::string& body,
               const char* essential, const char* done) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer answer, server.request(method, path, body));
    if (options.json && answer.text.empty())
        fmt::print("{{}}\n");
    else if (options.json || (done == nullptr && !answer.text.empty()))
        print_object(options, answer, essential);
    else if (done != nullptr && !options.quiet)
        fmt::print("{}\n", done);
    return {};
}

}  // namespace windlass::cli
