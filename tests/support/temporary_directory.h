// TemporaryDirectory: a fresh directory for one test, removed with all that is in it.
#pragma once

#include <string>
#include <string_view>

namespace farhand::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory();  // throws std::system_error
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }  // canonical
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Each throws std::system_error when the file system refuses.
  void make_directory(std::string_view name) const;  // and those above it
  void make_file(std::string_view name, std::string_view content, unsigned mode = 0644) const;
  void make_link(std::string_view name, const std::string& target) const;
  void make_pipe(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace farhand::test
