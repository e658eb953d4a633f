// Texts and errors as JSON has them.
#include "client/json_fields.h"

#include <string>

namespace farhand {
namespace {

bool is_utf8(const std::string& text) {
  try {
    [[maybe_unused]] const std::string dumped = Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t k) {
      return i + k < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[i + k])) : 0U;
    };
    const unsigned group = at(0) << 16 | at(1) << 8 | at(2);
    text += kDigits[group >> 18 & 63];
    text += kDigits[group >> 12 & 63];
    text += i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
  return text;
}

}  // namespace

void put_text(Json& object, const std::string& key, const std::string& text) {
  if (is_utf8(text)) {
    object[key] = text;
  } else {
    object[key + "_base64"] = base64(text);
  }
}

Json error_object(const Error& error) {
  Json object;
  object["code"] = error_name(error.code);
  object["message"] = error.message;
  object["from"] = error.remote ? "server" : "client";
  return object;
}

}  // namespace farhand
