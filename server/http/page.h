// Page: an answer to a GET, whole.
#pragma once

#include <string>

#include "server/http/headers.h"

namespace http {

struct Page {
  int status = 0;
  Headers headers;
  std::string body;  // out of its chunks
};

}  // namespace http
