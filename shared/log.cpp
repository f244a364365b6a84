#include "shared/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace windlass::log {
namespace {

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = std::make_shared<spdlog::logger>("windlass", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *instance;
}

spdlog::level::level_enum native(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

}  // namespace

Status configure(std::string_view program, std::string_view level) {
    if (level == "debug")
        logger().set_level(spdlog::level::debug);
    else if (level == "info")
        logger().set_level(spdlog::level::info);
    else if (level == "warning")
        logger().set_level(spdlog::level::warn);
    else if (level == "error")
        logger().set_level(spdlog::level::err);
    else
        return make_error(ErrorKind::invalid,
                          fmt::format("log.level is \"{}\"; use debug, info, warning or error", level));
    logger().set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%eZ %l [{}] %v", program), spdlog::pattern_time_type::utc);
    return {};
}

bool enabled(Level level) {
    return logger().should_log(native(level));
}

void write(Level level, std::string_view text) {
    logger().log(native(level), "{}", text);
}

}  // namespace windlass::log
