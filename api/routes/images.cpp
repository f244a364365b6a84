// The family "images".
#include <array>

#include "api/auth/handlers.h"
#include "api/images/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 1> time_parameter = {"time"};

constexpr Route table[] = {
    {"POST", "/api/user/jwt-login/", Family::images, Access::anyone, Scope::none, images_login,
     "Log in with a password: the session is in cookies"},
    {"POST", "/api/user/jwt-logout/", Family::images, Access::session, Scope::account_write, images_logout, "Log out"},
    {"POST", "/api/user/token/", Family::images, Access::anyone, Scope::none, images_token,
     "A password for an API token that does not expire"},
    {"GET", "/api/user/images/", Family::images, Access::user, Scope::images_read, list_images,
     "List one's own images"},
    {"POST",
     "/api/user/images/",
     Family::images,
     Access::user,
     Scope::images_write,
     upload_image,
     "Upload an image",
     {},
     Creates::yes},
    {"GET", "/api/user/images/{id}/", Family::images, Access::user, Scope::images_read, show_image, "One's own image"},
    {"DELETE", "/api/user/images/{id}/", Family::images, Access::user, Scope::images_write, delete_image,
     "Delete an image with its thumbnails"},
    {"GET", "/api/user/thumbnails/", Family::images, Access::user, Scope::images_read, list_thumbnails,
     "List the thumbnails that are made"},
    {"GET", "/api/user/thumbnails/{id}/", Family::images, Access::user, Scope::images_read, show_thumbnail,
     "One thumbnail"},
    {"DELETE", "/api/user/thumbnails/{id}/", Family::images, Access::user, Scope::images_write, delete_thumbnail,
     "Delete a thumbnail"},
    {"GET", "/api/user/link/{id}/", Family::images, Access::user, Scope::images_read, make_image_link,
     "Make a link to an image, good for a time, for whoever has it", time_parameter},
    {"GET", "/api/images/", Family::images, Access::user, Scope::images_read, list_image_details,
     "List one's own images, with the state of their thumbnails"},
    {"GET", "/api/images/{id}/", Family::images, Access::user, Scope::images_read, show_image_details,
     "An image with the state of its thumbnails"},
    {"POST", "/api/images/{id}/rebuild/", Family::images, Access::user, Scope::images_write, rebuild_thumbnails,
     "Make the thumbnails that are missing, and try failed ones again"},
    {"GET",
     "/api/media/{name}/",
     Family::images,
     Access::user,
     Scope::images_read,
     get_media,
     "The bytes of an image or a thumbnail",
     {},
     Creates::no,
     Links::media},
};

}  // namespace

std::span<const Route> images_routes() {
    return table;
}

}  // namespace windlass::api
