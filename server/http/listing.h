// list_directory: the page that shows a directory without an index page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/unique_fd.h"

namespace http {

// `shown_path` is the decoded path of the request. Names are sorted by their bytes, escaped, and linked
// percent-encoded; a directory has a slash behind it, a link an at sign. At most kMaxListedEntries, and the page says
// if there are more. Nothing if the directory cannot be read.
[[nodiscard]] std::optional<std::string> list_directory(farhand::UniqueFd directory, std::string_view shown_path);

}  // namespace http
