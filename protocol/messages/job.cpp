// The messages of a job of files, read and written.
#include "protocol/messages/job.h"

#include <algorithm>

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {

// What a list's count is checked against: the least that its elements take.
template <>
inline constexpr std::size_t kLeastWireBytes<Entry> = 1 + 8 + 4 + 8 + 4 + 8 + 8 + 8 + 8 + 8 + 8 + 1;
template <>
inline constexpr std::size_t kLeastWireBytes<ExtendedAttribute> = 8 + 8;
template <>
inline constexpr std::size_t kLeastWireBytes<Verdict> = 1;
template <>
inline constexpr std::size_t kLeastWireBytes<Trouble> = 8 + 2 + 8 + 1;

namespace {

constexpr std::uint32_t kAllModeBits = 07777;
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::size_t kMaxOwnerBytes = 255;

std::string_view clipped(const std::string& text) {
  return std::string_view(text).substr(0, kMaxErrorText);
}

// What is shown of a place may be longer than a name on the wire: what it is relative to comes before it.
std::string clipped_path(const std::string& path) {
  return path.substr(0, kMaxFrameNameBytes);
}

Error malformed(std::string_view what, std::string_view flaw) {
  return Error{ErrorCode::kProtocol, "a malformed '" + std::string(what) + "': " + std::string(flaw), false};
}

bool has_zero(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool is_path(const std::string& path, bool may_be_empty) {
  return path.size() <= kMaxFrameNameBytes && !has_zero(path) && (may_be_empty || !path.empty());
}

bool are_paths(const std::vector<std::string>& paths) {
  return !paths.empty() && paths.size() <= kMaxJobPaths &&
         std::all_of(paths.begin(), paths.end(), [](const std::string& path) { return is_path(path, false); });
}

bool are_rules(const std::vector<std::string>& rules) {
  return rules.size() <= kMaxFilterRules && std::all_of(rules.begin(), rules.end(), [](const std::string& rule) {
           return rule.size() <= kMaxFrameNameBytes && !has_zero(rule);
         });
}

bool is_suffix(const std::string& suffix) {
  return suffix.size() <= kMaxBackupSuffix && !has_zero(suffix) && suffix.find('/') == std::string::npos;
}

std::string_view flaw_of(const Entry& entry) {
  if (!check_entry_path(entry.path)) return "a path is no entry's";
  if (entry.mode > kAllModeBits || entry.modified_nanoseconds >= kNanosecondsPerSecond || entry.size > kMaxFrameSize ||
      entry.occupied > entry.size) {
    return "a field is out of range";
  }
  if (entry.user.size() > kMaxOwnerBytes || entry.group.size() > kMaxOwnerBytes) return "an owner's name is too long";
  if (has_zero(entry.target) || entry.target.size() > kMaxFrameNameBytes) return "a link leads to no name";
  const bool is_link = entry.kind == EntryKind::kLink || entry.kind == EntryKind::kHardLink;
  if (is_link == entry.target.empty()) return is_link ? "a link leads nowhere" : "what is no link leads somewhere";
  if (entry.kind == EntryKind::kHardLink &&
      (!check_entry_path(entry.target) || !entry_precedes(entry.target, entry.path))) {
    return "a hard link is to nothing that came before";
  }
  return {};
}

bool is_attribute(const ExtendedAttribute& attribute) {
  if (attribute.name.empty()) return attribute.value.empty();
  return attribute.name.size() <= kMaxAttributeName && !has_zero(attribute.name) &&
         attribute.value.size() <= kMaxAttributeValue;
}

struct WireTrouble {
  std::string path;
  std::uint16_t code = 0;
  std::string message;
  bool is_notice = false;
};
struct WireEnd {
  bool complete = true;
  std::uint16_t code = 0;
  std::string message;
  std::uint64_t files = 0, bytes = 0, unchanged = 0, failed = 0, deleted = 0;
  std::string place;
};

ErrorCode code_from_wire(std::uint16_t code) {
  return is_error_code(code) ? static_cast<ErrorCode>(code) : ErrorCode::kInternal;
}

}  // namespace

template <>
inline constexpr std::size_t kLeastWireBytes<WireTrouble> = kLeastWireBytes<Trouble>;

// ---------------------------------------------------------------------------------------------------------------------
// Requests

template <class Archive>
void serialize(Archive& archive, JobOptions& options) {
  archive(wire_enum(options.existing, Existing::kUpdate), wire_enum(options.sameness, Sameness::kChecksum),
          options.dry_run, options.delta, options.attributes, options.owner, options.delete_extra, options.most_deleted,
          options.backup);
}
template <class Archive>
void serialize(Archive& archive, PushRequest& message) {
  archive(message.to, wire_enum(message.placement, Placement::kIntoThere), message.options, message.filter);
}
template <class Archive>
void serialize(Archive& archive, PullRequest& message) {
  archive(message.paths, message.contents, message.attributes, message.owner, message.compress, message.filter);
}
template <class Archive>
void serialize(Archive& archive, ListRequest& message) {
  archive(message.paths, message.contents, message.recursive, message.hash, message.filter);
}

std::string encode(const PushRequest& message) {
  return encode_structure(message);
}
std::string encode(const PullRequest& message) {
  return encode_structure(message);
}
std::string encode(const ListRequest& message) {
  return encode_structure(message);
}

Result<PushRequest> decode_push(Bytes bytes) {
  TRY_ASSIGN(PushRequest message, decode_structure<PushRequest>(bytes, "push"));
  if (!is_path(message.to, true)) return fail(malformed("push", "its path is too long or holds a zero byte"));
  if (!is_suffix(message.options.backup)) return fail(malformed("push", "its suffix is none"));
  if (!are_rules(message.filter)) return fail(malformed("push", "its rules are too many, or none"));
  return message;
}

Result<PullRequest> decode_pull(Bytes bytes) {
  TRY_ASSIGN(PullRequest message, decode_structure<PullRequest>(bytes, "pull"));
  if (!are_paths(message.paths) || (message.contents && message.paths.size() > 1) || !are_rules(message.filter)) {
    return fail(malformed("pull", "its paths or rules are too many, too long, or none"));
  }
  return message;
}

Result<ListRequest> decode_list(Bytes bytes) {
  TRY_ASSIGN(ListRequest message, decode_structure<ListRequest>(bytes, "list"));
  if (!are_paths(message.paths) || (message.contents && message.paths.size() > 1) || !are_rules(message.filter)) {
    return fail(malformed("list", "its paths or rules are too many, too long, or none"));
  }
  return message;
}

// ---------------------------------------------------------------------------------------------------------------------
// Entries

Result<void> check_entry_path(std::string_view path) {
  if (path == ".") return {};
  if (path.empty() || path.size() > kMaxFrameNameBytes || has_zero(path)) {
    return fail(ErrorCode::kProtocol, "an entry's path is empty, too long, or holds a zero byte");
  }
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component.size() > kMaxEntryName || component == "." || component == "..") {
      return fail(ErrorCode::kProtocol, "an entry's path has a component that is no name");
    }
    if (slash + 1 == path.size()) return fail(ErrorCode::kProtocol, "an entry's path ends with a slash");
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return {};
}

bool entry_precedes(std::string_view one, std::string_view other) noexcept {
  if (one == "." || other == ".") return one == "." && other != ".";
  const auto [here, there] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  if (here == one.end() || there == other.end()) return here == one.end() && there != other.end();
  if (*here == '/' || *there == '/') return *here == '/';  // the end of a component goes before any byte
  return static_cast<unsigned char>(*here) < static_cast<unsigned char>(*there);
}

template <class Archive>
void serialize(Archive& archive, ExtendedAttribute& attribute) {
  archive(attribute.name, attribute.value);
}
template <class Archive>
void serialize(Archive& archive, Entry& entry) {
  archive(wire_enum(entry.kind, EntryKind::kSpecial), entry.path, entry.mode, entry.modified_seconds,
          entry.modified_nanoseconds, entry.size, entry.occupied, entry.target, entry.user, entry.group,
          entry.attributes, entry.hashed);
  if (entry.hashed) archive(entry.hash);
}

std::string encode(const std::vector<Entry>& entries) {
  return encode_structure(entries);
}

Result<std::vector<Entry>> decode_entries(Bytes bytes) {
  TRY_ASSIGN(auto entries, decode_structure<std::vector<Entry>>(bytes, "entries"));
  for (const Entry& entry : entries) {
    if (const auto flaw = flaw_of(entry); !flaw.empty()) return fail(malformed("entries", flaw));
    if (!std::all_of(entry.attributes.begin(), entry.attributes.end(), is_attribute)) {
      return fail(malformed("entries", "an attribute's name or value is too long"));
    }
  }
  return entries;
}

// ---------------------------------------------------------------------------------------------------------------------
// What the receiver says of them

template <class Archive>
void serialize(Archive& archive, Verdict& verdict) {
  archive(wire_enum(verdict.need, Need::kDelta));
  if (verdict.need == Need::kRest || verdict.need == Need::kDelta) archive(verdict.have, verdict.hash);
}
template <class Archive>
void serialize(Archive& archive, CopyRange& range) {
  archive(range.offset, range.length);
}

std::string encode(const std::vector<Verdict>& verdicts) {
  return encode_structure(verdicts);
}

Result<std::vector<Verdict>> decode_verdicts(Bytes bytes) {
  TRY_ASSIGN(auto verdicts, decode_structure<std::vector<Verdict>>(bytes, "verdicts"));
  for (const Verdict& verdict : verdicts) {
    if (verdict.have > kMaxFrameSize) return fail(malformed("verdicts", "a size is too large"));
  }
  return verdicts;
}

std::string encode(const CopyRange& range) {
  return encode_structure(range);
}

Result<CopyRange> decode_copy(Bytes bytes) {
  TRY_ASSIGN(const CopyRange range, decode_structure<CopyRange>(bytes, "copy"));
  if (range.length == 0 || range.offset > kMaxFrameSize || range.length > kMaxFrameSize - range.offset) {
    return fail(malformed("copy", "the range is none"));
  }
  return range;
}

// ---------------------------------------------------------------------------------------------------------------------
// What both say

template <class Archive>
void serialize(Archive& archive, WireTrouble& trouble) {
  archive(trouble.path, trouble.code, trouble.message, trouble.is_notice);
}
template <class Archive>
void serialize(Archive& archive, WireEnd& end) {
  archive(end.complete, end.code, end.message, end.files, end.bytes, end.unchanged, end.failed, end.deleted, end.place);
}

std::string encode(const std::vector<Trouble>& troubles) {
  std::vector<WireTrouble> wire;
  for (const Trouble& trouble : troubles) {
    wire.push_back({clipped_path(trouble.path), static_cast<std::uint16_t>(trouble.code),
                    std::string(clipped(trouble.message)), trouble.is_notice});
  }
  return encode_structure(wire);
}

Result<std::vector<Trouble>> decode_trouble(Bytes bytes) {
  TRY_ASSIGN(auto wire, decode_structure<std::vector<WireTrouble>>(bytes, "trouble"));
  std::vector<Trouble> troubles;
  for (WireTrouble& trouble : wire) {
    if (trouble.path.size() > kMaxFrameNameBytes || trouble.message.size() > kMaxErrorText) {
      return fail(malformed("trouble", "a text is too long"));
    }
    troubles.push_back(
        {std::move(trouble.path), code_from_wire(trouble.code), std::move(trouble.message), trouble.is_notice});
  }
  return troubles;
}

std::string encode(const JobEnd& end) {
  return encode_structure(WireEnd{end.complete, static_cast<std::uint16_t>(end.code), std::string(clipped(end.message)),
                                  end.files, end.bytes, end.unchanged, end.failed, end.deleted,
                                  clipped_path(end.place)});
}

Result<JobEnd> decode_finish(Bytes bytes) {
  TRY_ASSIGN(WireEnd wire, decode_structure<WireEnd>(bytes, "finish"));
  if (wire.message.size() > kMaxErrorText || wire.place.size() > kMaxFrameNameBytes)
    return fail(malformed("finish", "a text is too long"));
  return JobEnd{wire.complete,
                code_from_wire(wire.code),
                std::move(wire.message),
                wire.files,
                wire.bytes,
                wire.unchanged,
                wire.failed,
                wire.deleted,
                std::move(wire.place)};
}

}  // namespace farhand
