// KeptNames: what a job's rules leave as it is (--no-overwrite, --update), and what becomes of its further names then.
// What is there is not the sender's, so none of them is linked to it: the first that is to be stored is so by itself,
// with the content, and the others become names of that one.
//
// Memory: that of LinkableNames, and some thousand paths. Of what goes beyond that, files come once for each name, and
// links fail. Ownership: values. Threads: one. Errors: none.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "protocol/messages/job.h"
#include "protocol/transfer/linkable_names.h"

namespace farhand {

class KeptNames {
 public:
  // A file or link that stays.
  void add(const Entry& entry);
  // An entry whose turn it is to be judged: a further name of what stays becomes a file or link of its own, or a name
  // of the one that is stored instead. True: it is a file now.
  bool adapt(Entry& entry);
  // That entry is to be stored.
  void will_be_stored(const Entry& entry);

 private:
  static constexpr std::size_t kMostPaths = 2048;  // of at most 4 KiB each, in two maps

  LinkableNames kept_;
  bool any_ = false;
  std::map<std::string, std::string> texts_;  // of links that stay
  std::map<std::string, std::string> heirs_;  // of what stays: what is stored instead
  std::string first_name_;                    // what the entry that was adapted last is a further name of; or empty
};

}  // namespace farhand
