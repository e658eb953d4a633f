// ListingOutput: what ls and verify tell, on its way to standard output while it comes: lines of text, or one JSON
// object that grows, so that a tree of millions of names takes no memory here.
//
//   {"entries":[ object(), object(), ... ],"failed":[ failure(), ... ], <more>,"status":0,"error":null}
//
// Threads: one.
// Errors:   kCancelled if the reader of standard output has gone; else what write(2) says.
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/output_queue.h"
#include "common/result.h"
#include "protocol/messages/job.h"

namespace farhand {

class ListingOutput {
 public:
  // `list`: what the object's first list is called.
  ListingOutput(bool json, std::string verb, std::string_view list);

  [[nodiscard]] bool json() const noexcept { return json_; }
  void line(std::string_view text) { queue_.add(text); }
  void object(const std::string& text);
  // Something could not be read, or asked for: told on standard error, and kept for the object.
  void trouble(const Trouble& trouble, bool remote);
  void failure(const std::string& path, const Error& error);
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
  [[nodiscard]] bool full() const noexcept { return queue_.full(); }
  Result<void> write_some();
  [[nodiscard]] bool failed() const noexcept { return failed_; }  // nothing can be written any more
  [[nodiscard]] pollfd entry() const noexcept { return queue_.entry(); }

  // The object's end, of which `more` are further fields, each with a comma behind it; and everything written, however
  // slow the reader is, unless `interrupt` becomes readable. The exit status: `status`, if that went well.
  int conclude(const std::string& more, int status, const std::optional<Error>& error, int interrupt);

 private:
  Result<void> flush(int interrupt);
  static constexpr std::size_t kMostKept = 10'000;  // failures, for the object; the rest is counted
  void keep(const std::string& object);

  bool json_;
  std::string verb_;
  OutputQueue queue_;
  bool any_objects_ = false;
  std::string kept_;
  std::uint64_t failures_ = 0;
  bool failed_ = false;
};

}  // namespace farhand
