// TreeWalk: what a job sends, entry by entry, in the order of entry_precedes; and the files themselves when asked for.
//
// What was named is followed if it is a link; links below are entries of their own. Nothing below leaves what was
// named: every file is opened by RootedDirectory::open_plain from its top, and every directory either so or by its one
// name (O_NOFOLLOW) in the directory that was just listed. Of directories at most 16 are held open besides the tops,
// whatever the depth; names of one directory at a time (and of those above it) are in memory. Of tops that bring a way
// to open them 16 are held open at a time too.
//
// What cannot be read (a directory without permission, one that vanished) becomes a Trouble and the walk goes on.
//
// Ownership: owns its descriptors. Threads: one at a time.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/rooted_path.h"
#include "common/unique_fd.h"
#include "protocol/messages/job.h"

namespace farhand {

class TreeWalk {
 public:
  // One thing that was named: an opened file or directory (O_RDONLY, or O_PATH where it may not be read), and the
  // name its entry gets: one component, or "." for the contents of a directory.
  struct Top {
    UniqueFd opened;
    std::string name;
    std::string shown;  // as the user knows it, for sentences: unescaped
    // Where `opened` is empty: opens it, once the walk has come to it, and again when it was closed meanwhile to make
    // room. What stands there by then is as good. What cannot be opened is a Trouble under `shown`.
    std::function<Result<UniqueFd>()> open{};
  };
  struct Options {
    bool recursive = true;
    bool attributes = false;
    bool owner = false;
    bool hard_links = true;  // further names of a file are told as such; else as files of their own
    std::function<bool(const std::string& path, bool is_directory)> excludes;  // may be empty; asked of all but tops
    std::function<void(const std::string& path)> meets_part{};  // may be empty; of what has a part's name: no entry
    // Remembered of files whose further names are still to come; those beyond are sent as files of their own.
    std::size_t most_linked_bytes = std::size_t{48} << 20;  // some 300,000 of them
    bool all_modes = false;  // set-id and sticky bits as well: for listings, since they never travel
  };

  // `resolver` says how names are resolved (RootedDirectory::at). kUsage if two tops have one name.
  static Result<TreeWalk> begin(const RootedDirectory& resolver, std::vector<Top> tops, Options options);
  TreeWalk(TreeWalk&&) noexcept;
  TreeWalk& operator=(TreeWalk&&) noexcept;
  ~TreeWalk();

  // The next entry. Nothing at the end, and after many that are left out, so that whoever asks has a turn of its own:
  // at_end() tells. Special files are entries of kind kSpecial.
  std::optional<Entry> next();
  [[nodiscard]] bool at_end() const noexcept;
  // The same without the turns, for helpers: nothing is the end.
  std::optional<Entry> next_to_the_end() {
    std::optional<Entry> entry;
    while (!entry && !at_end()) entry = next();
    return entry;
  }
  // What could not be read since the last call, and what was told.
  std::vector<Trouble> take_troubles();
  // Something that was named and cannot be a top: a trouble like those that the walk finds.
  void tell(Trouble trouble);

  // The content of an entry of kind kFile, opened for reading; what is there by now may be something else: look.
  [[nodiscard]] Result<UniqueFd> open_file(const std::string& path) const;
  // For sentences: where an entry is, as the user knows it.
  [[nodiscard]] std::string shown(const std::string& path) const;

 private:
  struct State;
  explicit TreeWalk(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace farhand
