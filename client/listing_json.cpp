// Objects of a listing and of a comparison.
#include "client/listing_json.h"

#include "client/json_fields.h"
#include "client/listing_text.h"

namespace farhand {
namespace {

void put_facts(Json& object, const Entry& entry) {
  object["kind"] = kind_name(entry.kind);
  object["mode"] = entry.mode;
  object["size"] = entry.size;
  object["modified"] = time_text(entry.modified_seconds, entry.modified_nanoseconds, true);
  if (entry.kind == EntryKind::kLink) put_text(object, "target", entry.target);
  if (entry.hashed) object["xxh3_128"] = hash_text(entry.hash);
}

Json facts_or_null(const std::optional<Entry>& entry) {
  if (!entry) return nullptr;
  Json object;
  put_facts(object, *entry);
  return object;
}

}  // namespace

std::string entry_json(const Entry& entry, const std::string& name, const std::string& asked) {
  Json object;
  put_text(object, "path", name);
  put_text(object, "asked", asked);
  put_facts(object, entry);
  return object.dump();
}

std::string difference_json(const Difference& difference) {
  Json object;
  put_text(object, "path", difference.path);
  object["difference"] = difference_name(difference.what);
  object["here"] = facts_or_null(difference.here);
  object["there"] = facts_or_null(difference.there);
  return object.dump();
}

std::string failure_json(const std::string& path, const Error& error) {
  Json object;
  put_text(object, "path", path);
  object["error"] = error_object(error);
  return object.dump();
}

std::string trouble_json(const Trouble& trouble, bool remote) {
  return failure_json(trouble.path, Error{trouble.code, trouble.message, remote});
}

std::string error_or_null(const std::optional<Error>& error) {
  return error ? error_object(*error).dump() : "null";
}

}  // namespace farhand
