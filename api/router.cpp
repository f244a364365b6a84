#include "api/router.h"

#include <fmt/format.h>

#include <algorithm>

namespace windlass::api {
namespace {

// "/a/b/" and "/a/b" both become "a/b"; nullopt: not a path at all.
std::optional<std::string_view> inner(std::string_view path) {
    if (path.empty() || path.front() != '/' || path.ends_with("//")) return std::nullopt;
    path.remove_prefix(1);
    if (!path.empty() && path.back() == '/') path.remove_suffix(1);
    return path;
}

std::string_view take_segment(std::string_view& rest) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto segment = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return segment;
}

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{') && segment.ends_with('}');
}
bool is_rest(std::string_view segment) {
    return segment.starts_with('{') && segment.ends_with("...}");
}

}  // namespace

Result<Router> Router::make(std::span<const Route> routes, std::span<const std::string_view> exact) {
    Router router;
    router.routes_ = routes;
    for (const auto path : exact) router.exact_[path];
    for (std::size_t i = 0; i < routes.size(); ++i) WINDLASS_TRY_STATUS(router.add(i));
    return router;
}

Status Router::add(std::size_t number) {
    const Route& route = routes_[number];
    const auto wrong = [&](std::string_view why) {
        return make_error(ErrorKind::invalid, fmt::format("route {} {}: {}", route.method, route.path, why));
    };
    if (route.access == Access::unset) return wrong("nobody said who may call it");
    if ((route.access == Access::anyone) != (route.scope == Scope::none))
        return wrong("a scope is needed where a credential is, and nowhere else");
    if (route.handler == nullptr) return wrong("it has no handler");
    auto rest = inner(route.path);
    if (!rest) return wrong("a path begins with a slash");
    Node* node = root_.get();
    std::size_t parameters = 0;
    while (!rest->empty()) {
        const auto segment = take_segment(*rest);
        auto& next = is_parameter(segment) ? node->parameter : node->literal[std::string(segment)];
        if (!next) next = std::make_unique<Node>();
        if (is_parameter(segment) && ++parameters > max_path_parameters) return wrong("too many parameters");
        next->rest = is_rest(segment);
        if (next->rest && !rest->empty()) return wrong("nothing can follow {...}");
        node = next.get();
    }
    const auto exact = exact_.find(route.path);
    auto& numbers = exact == exact_.end() ? node->routes : exact->second;
    for (const std::size_t other : numbers) {
        if (routes_[other].method == route.method) return wrong("it is there twice");
    }
    numbers.push_back(number);
    return {};
}

RouteMatch Router::find(std::string_view method, std::string_view path) const {
    RouteMatch match;
    if (const auto exact = exact_.find(path); exact != exact_.end()) {
        choose(exact->second, method, match);
        return match;
    }
    auto rest = inner(path);
    if (!rest) return match;
    const Node* node = root_.get();
    std::size_t parameters = 0;
    while (!rest->empty()) {
        const auto whole = *rest;
        const auto segment = take_segment(*rest);
        if (const auto literal = node->literal.find(segment); literal != node->literal.end()) {
            node = literal->second.get();
            continue;
        }
        if (!node->parameter || segment.empty()) return match;
        node = node->parameter.get();
        match.parameters[parameters++] = node->rest ? whole : segment;
        if (node->rest) break;
    }
    choose(node->routes, method, match);
    return match;
}

void Router::choose(const std::vector<std::size_t>& numbers, std::string_view method, RouteMatch& match) const {
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    for (const std::size_t number : numbers) {
        if (routes_[number].method == wanted) {
            match.route = &routes_[number];
            match.number = number;
            match.allow.clear();
            return;
        }
        if (!match.allow.empty()) match.allow += ", ";
        match.allow += routes_[number].method;
        if (routes_[number].method == "GET") match.allow += ", HEAD";
    }
}

}  // namespace windlass::api
