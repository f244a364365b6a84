#include "api/routes.h"

#include <array>
#include <vector>

namespace windlass::api {

std::span<const Route> routes() {
    static const std::vector<Route> all = [] {
        std::vector<Route> list;
        for (const auto family : {jobs_routes(), queue_routes(), accounts_routes(), operations_routes(),
                                  openapi_routes(), courses_routes(), monitoring_routes(), images_routes()})
            list.insert(list.end(), family.begin(), family.end());
        return list;
    }();
    return all;
}

std::span<const std::string_view> exact_paths() {
    static constexpr std::array<std::string_view, 2> paths = {"/api/jobs", "/api/login"};
    return paths;
}

}  // namespace windlass::api
