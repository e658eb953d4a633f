// What the objects of --json have in common: texts that may be no UTF-8, errors.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/result.h"

namespace farhand {

using Json = nlohmann::ordered_json;

// Names and output are bytes and JSON is UTF-8: what is not UTF-8 goes in base64, under `key`_base64.
void put_text(Json& object, const std::string& key, const std::string& text);

Json error_object(const Error& error);

}  // namespace farhand
