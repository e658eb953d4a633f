// Making old and new contents.
#include "tests/bench/delta_shapes.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <stdexcept>

namespace farhand::bench {
namespace {

using Random = std::mt19937_64;

Content noise(Random& random, std::size_t bytes) {
  Content content(bytes);
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(content.data() + at, &word, std::min(sizeof word, bytes - at));
  }
  return content;
}

void overwrite(Random& random, Content& content, std::size_t at, std::size_t bytes) {
  const Content fresh = noise(random, bytes);
  std::copy(fresh.begin(), fresh.end(), content.begin() + static_cast<std::ptrdiff_t>(at));
}

void insert(Content& content, std::size_t at, const Content& fresh) {
  content.insert(content.begin() + static_cast<std::ptrdiff_t>(at), fresh.begin(), fresh.end());
}

Shape scattered(Random& random, std::size_t bytes) {
  Content base = noise(random, bytes);
  Content fresh = base;
  for (int i = 0; i < 100; ++i) overwrite(random, fresh, random() % (bytes - 1024), 1024);
  return {"100 x 1 KiB changed", std::move(base), std::move(fresh)};
}

Shape inserted(Random& random, std::size_t bytes) {
  Content base = noise(random, bytes);
  Content fresh = base;
  insert(fresh, 0, noise(random, 100));
  return {"100 bytes inserted at the front", std::move(base), std::move(fresh)};
}

Shape moved(Random& random, std::size_t bytes) {
  Content base = noise(random, bytes);
  Content fresh = base;
  const auto begin = fresh.begin();
  const auto part = static_cast<std::ptrdiff_t>(bytes / 16);
  std::rotate(begin + part, begin + 2 * part + 333, begin + 12 * part);
  return {"a sixteenth moved to the back", std::move(base), std::move(fresh)};
}

// A database's file: whole pages in place, each with a changed counter in front and a changed row within.
Shape pages(Random& random, std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  Content base = noise(random, bytes);
  Content fresh = base;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t page = random() % (bytes / kPage) * kPage;
    overwrite(random, fresh, page, 8);
    overwrite(random, fresh, page + 8 + random() % 3800, 200);
  }
  return {"1000 pages of 4 KiB touched", std::move(base), std::move(fresh)};
}

Shape all_new(Random& random, std::size_t bytes) {
  return {"nothing in common", noise(random, bytes), noise(random, bytes)};
}

Shape unchanged(Random& random, std::size_t bytes) {
  Content base = noise(random, bytes);
  Content fresh = base;
  return {"unchanged", std::move(base), std::move(fresh)};
}

Shape zeros(Random&, std::size_t bytes) {
  return {"zeros, one byte more", Content(bytes), Content(bytes + 1)};
}

Content headers(std::size_t bytes) {
  Content content;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/usr/include")) {
    if (content.size() >= bytes) break;
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
    content.insert(content.end(), begin, begin + text.size());
  }
  content.resize(std::min(content.size(), bytes));
  return content;
}

Shape edited_text(Random& random, std::size_t bytes, int edits, std::string name) {
  Content base = headers(bytes);
  Content fresh = base;
  for (int i = 0; i < edits; ++i) insert(fresh, random() % fresh.size(), noise(random, 40));
  return {std::move(name), std::move(base), std::move(fresh)};
}

using Maker = std::function<Shape(Random&, std::size_t)>;

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> kMakers{
      {"scattered", scattered},
      {"inserted", inserted},
      {"moved", moved},
      {"pages", pages},
      {"all-new", all_new},
      {"unchanged", unchanged},
      {"zeros", zeros},
      {"sources",
       [](Random& random, std::size_t) {
         return edited_text(random, 32 << 20, 300, "32 MiB of sources, 300 lines added");
       }},
      {"source", [](Random& random, std::size_t) {
         return edited_text(random, 60 << 10, 3, "60 KiB of source, 3 lines added");
       }}};
  return kMakers;
}

}  // namespace

std::vector<std::string> shape_names() {
  return {"scattered", "inserted", "moved", "pages", "sources", "source", "unchanged", "zeros", "all-new"};
}

Shape make_shape(const std::string& name, std::size_t bytes) {
  Random random(20260101);
  const auto found = makers().find(name);
  if (found == makers().end()) throw std::invalid_argument("no such shape: " + name);
  return found->second(random, bytes);
}

}  // namespace farhand::bench
