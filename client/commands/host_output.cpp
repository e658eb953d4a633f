// Output of several hosts, kept apart.
#include "client/commands/host_output.h"

#include <unistd.h>

#include <algorithm>

#include "client/commands/exec_pump.h"
#include "common/escape.h"

namespace farhand {

HostOutput::HostOutput(const std::string& host, bool in_one_piece)
    : name_(escape_for_display(host)),
      in_one_piece_(in_one_piece),
      ways_{Way{::isatty(STDOUT_FILENO) == 1, LinePrefix(name_ + ": ", ::isatty(STDOUT_FILENO) == 1), {}},
            Way{::isatty(STDERR_FILENO) == 1, LinePrefix(name_ + ": ", ::isatty(STDERR_FILENO) == 1), {}}} {}

void HostOutput::add(Stream stream, Bytes bytes, OutputQueue& to) {
  Way& way = ways_.at(stream);
  if (!in_one_piece_) {
    to.add(way.lines.add(bytes));
    return;
  }
  const std::size_t room = kKeptBytes - way.kept.size();
  way.cut = way.cut || bytes.size() > room;
  way.kept += text_of(bytes.first(std::min(room, bytes.size())));
}

void HostOutput::show_kept(const Way& way, OutputQueue& to, OutputQueue& notices) const {
  if (way.kept.empty()) return;
  to.add("--- " + name_ + " ---\n");
  to.add(way.for_terminal ? lines_for_terminal(way.kept) : way.kept);
  if (way.kept.back() != '\n') to.add("\n");
  if (way.cut) notices.add("rclient: " + name_ + ": more than 16 MiB came of it, and the rest was left out\n");
}

void HostOutput::finish(OutputQueue& output, OutputQueue& errors) {
  if (in_one_piece_) {
    show_kept(ways_[kOutput], output, errors);
    show_kept(ways_[kErrors], errors, errors);
    return;
  }
  output.add(ways_[kOutput].lines.finish());
  errors.add(ways_[kErrors].lines.finish());
}

}  // namespace farhand
