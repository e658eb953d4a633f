// fetch_page: gets a page over HTTP/1.1 within an event loop, without holding it up.
//
//   http::fetch_page(reactor, "http://example.org/", [](const http::Page& page) { ... },
//                    [](const std::string& why) { ... });
//
// Redirects are not followed, and a page with any status is a page. What is strict in requests is strict here: an
// answer whose length is ambiguous, or that ends early, is an error.
//
// Ownership: nothing to keep: the fetch lives in the reactor until one of the two was called.
// Threads:   the reactor's.
// Errors:    on_error, with one sentence fit for display. Of the two exactly one is called, once, from run(); neither
//            if the reactor is stopped before it looked at a wrong address.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "common/export.h"
#include "server/events/reactor.h"
#include "server/http/limits.h"
#include "server/http/page.h"

namespace http {

struct FetchOptions {
  std::size_t max_page_bytes = kMaxPageBytes;          // a longer page is an error
  std::chrono::milliseconds deadline = kPageDeadline;  // from the call to the page's last byte
};

using OnPage = std::function<void(const Page&)>;
using OnError = std::function<void(const std::string&)>;

FARHAND_API void fetch_page(events::Reactor& reactor, std::string_view url, OnPage on_page, OnError on_error,
                            FetchOptions options = {});

}  // namespace http
