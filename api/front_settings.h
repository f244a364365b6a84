// What the configuration says about the front, checked.
#pragma once

#include "api/front/front.h"
#include "shared/config.h"
#include "shared/result.h"

namespace windlass::api {

// Takes the sockets that systemd handed down: once per process. invalid: a sentence that names the setting.
Result<FrontSettings> front_settings(const Config::Api& api);
// Whether anybody who reaches the api may create an account (api.registration).
Result<bool> registration_open(const Config::Api& api, const FrontSettings& front);

}  // namespace windlass::api
