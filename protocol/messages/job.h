// Messages of a job of files: the requests push, pull and list; and entries, verdicts, trouble, finish. (part and
// stored are slips, part with raw bytes; packed is protocol/transfer/packing.h's; close carries a Seal,
// protocol/messages/file.h; a signature has pieces of protocol/transfer/delta/signature_pieces.h.)
//
// Every decoder judges what stands in one message alone: names are well-formed (check_entry_path), counts in bounds.
// The order of entries is judged by whoever receives them (EntryOrder).
//
// Format: protocol/README.md, "A job of files".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.h"
#include "common/hash.h"
#include "common/result.h"
#include "protocol/messages/file.h"

namespace farhand {

// ---------------------------------------------------------------------------------------------------------------------
// Requests

// What becomes of a file that is there already.
enum class Existing : std::uint8_t {
  kReplace,
  kKeep,    // it stays, whatever it is
  kUpdate,  // it stays unless the sender's was modified later
};

// When a file that is there already counts as the sender's, so that nothing is sent.
enum class Sameness : std::uint8_t {
  kProven,    // of the same size and time, and its content hashes to the same
  kByTimes,   // of the same size and time
  kChecksum,  // of the same size, and its content hashes to the same
};

// What the receiving side goes by.
struct JobOptions {
  Existing existing = Existing::kReplace;
  Sameness sameness = Sameness::kProven;
  bool dry_run = false;            // nothing is written; what would be is reported
  bool delta = false;              // files that are there serve as the base of a delta
  bool attributes = false;         // extended ones, access lists among them
  bool owner = false;              // users and groups by name, where permitted
  bool delete_extra = false;       // what the sender does not have goes
  std::uint64_t most_deleted = 0;  // with delete_extra: more than this, and nothing goes; 0: no bound
  std::string backup;              // suffix under which what is replaced stays; empty: it does not
};

// Where the entries go.
enum class Placement : std::uint8_t {
  kInto,       // into the directory `to`, which is made if there is none
  kAsOrInto,   // there is one source: into `to` if that is a directory, else it becomes `to`
  kAs,         // the source is a directory, and `to` becomes the like of it: its entry is "."
  kIntoThere,  // into the directory `to`, and nothing is made if there is none
};

struct PushRequest {
  std::string to;  // absolute or relative to the root; empty: the root
  Placement placement = Placement::kInto;
  JobOptions options;
  std::vector<std::string> filter{};  // as in PullRequest: with delete_extra, what it excludes stays
};

struct PullRequest {
  std::vector<std::string> paths;  // at least one; absolute or relative to the root
  bool contents = false;           // of the one directory that is named: its entry is "." (Placement::kAs)
  bool attributes = false;
  bool owner = false;
  bool compress = false;            // content that shrinks comes packed
  std::vector<std::string> filter;  // lines of gitignore's syntax; an excluded file is left out
};

struct ListRequest {
  std::vector<std::string> paths;  // as in PullRequest
  bool contents = false;
  bool recursive = false;
  bool hash = false;  // of every file
  std::vector<std::string> filter;
};

std::string encode(const PushRequest& message);
std::string encode(const PullRequest& message);
std::string encode(const ListRequest& message);
Result<PushRequest> decode_push(Bytes bytes);
Result<PullRequest> decode_pull(Bytes bytes);
Result<ListRequest> decode_list(Bytes bytes);

// ---------------------------------------------------------------------------------------------------------------------
// Entries

enum class EntryKind : std::uint8_t { kDirectory, kFile, kLink, kHardLink, kSpecial };

struct ExtendedAttribute {
  std::string name;
  std::string value;
};

struct Entry {
  EntryKind kind = EntryKind::kFile;
  std::string path;                        // components with single slashes; or "." alone for a job of contents
  std::uint32_t mode = 0;                  // permission bits, at most 07777
  std::int64_t modified_seconds = 0;       // since 1970, UTC
  std::uint32_t modified_nanoseconds = 0;  // below 10^9
  std::uint64_t size = 0;                  // of a file, when it was listed
  std::uint64_t occupied = 0;              // of these what is no hole, as far as its file system tells
  std::string target{};                    // kLink: where it leads, any text; kHardLink: the path of an earlier entry
  std::string user{};                      // asked for: its owner's name, or number; else empty
  std::string group{};
  std::vector<ExtendedAttribute> attributes{};
  bool hashed = false;  // list with hash
  HashValue hash{};
};

// kProtocol for a path that is no entry's: empty, absolute, too long, with an empty component, "." or ".." or a zero
// byte.
Result<void> check_entry_path(std::string_view path);

// Entries come in the order of a walk that visits a directory's children by their names' bytes, each with all that is
// below it; so nothing comes twice, and a directory is there before what is in it. "." goes before everything.
bool entry_precedes(std::string_view one, std::string_view other) noexcept;

std::string encode(const std::vector<Entry>& entries);
Result<std::vector<Entry>> decode_entries(Bytes bytes);

// ---------------------------------------------------------------------------------------------------------------------
// What the receiver says of them

enum class Need : std::uint8_t {
  kNothing,
  kWhole,
  kRest,   // it has `have` bytes that hash to `hash`: if the sender's begin so, the rest; else all of it
  kDelta,  // a signature of what it has follows; the same where `have` is not 0
};

struct Verdict {
  Need need = Need::kNothing;
  std::uint64_t have = 0;  // kRest, kDelta
  HashValue hash{};        // kRest, kDelta
};

// One verdict for each entry, in their order.
std::string encode(const std::vector<Verdict>& verdicts);
Result<std::vector<Verdict>> decode_verdicts(Bytes bytes);

// A range of the file that a signature was made of: the next bytes of the sender's are these.
struct CopyRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
std::string encode(const CopyRange& range);
Result<CopyRange> decode_copy(Bytes bytes);

// ---------------------------------------------------------------------------------------------------------------------
// What both say

// One thing that went wrong with one entry, or that the user should know of it; the job goes on.
struct Trouble {
  std::string path;  // as the side that tells it names it
  ErrorCode code = ErrorCode::kInternal;
  std::string message{};   // one sentence
  bool is_notice = false;  // nothing went wrong
};
std::string encode(const std::vector<Trouble>& troubles);
Result<std::vector<Trouble>> decode_trouble(Bytes bytes);

// A side's last word on a job.
struct JobEnd {
  bool complete = true;  // everything was tried; else it was broken off, and `message` says why
  ErrorCode code = ErrorCode::kInternal;
  std::string message{};
  std::uint64_t files = 0;      // sender: listed; receiver: stored
  std::uint64_t bytes = 0;      // of content, sent or received, whatever it took on the wire
  std::uint64_t unchanged = 0;  // receiver: files that were there already
  std::uint64_t failed = 0;     // entries that went wrong on this side
  std::uint64_t deleted = 0;    // receiver
  std::string place{};          // receiver: where the entries are now: of one source its own path, else the directory's
};
std::string encode(const JobEnd& message);
Result<JobEnd> decode_finish(Bytes bytes);

}  // namespace farhand
