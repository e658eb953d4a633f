// Contents, scripts and bases for the tests of deltas.
#include "tests/unit/protocol/delta_support.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>

#include "common/file_io.h"

namespace farhand::test {
namespace {

constexpr std::uint64_t kSeed = 0x5eed;

template <class Take>
void in_pieces(const std::string& content, std::size_t piece, Take take) {
  for (Bytes rest = bytes_of(content); !rest.empty(); rest = rest.subspan(std::min(rest.size(), piece))) {
    const Result<void> taken = take(rest.first(std::min(rest.size(), piece)));
    ASSERT_TRUE(taken) << taken.error().message;
  }
}

}  // namespace

std::string random_content(std::mt19937_64& random, std::size_t bytes, unsigned letters) {
  std::string content(bytes, '\0');
  for (char& letter : content) letter = static_cast<char>(random() % letters);
  return content;
}

Result<void> Script::literal(Bytes bytes) {
  EXPECT_FALSE(bytes.empty());
  EXPECT_LE(bytes.size(), delta::kMaxLiteralBytes);
  steps.emplace_back(std::string(text_of(bytes)));
  return {};
}

Result<void> Script::copy(std::uint64_t offset, std::uint64_t length) {
  EXPECT_GT(length, 0U);
  EXPECT_LE(length, delta::kMaxCopyBytes);
  steps.emplace_back(Copy{offset, length});
  return {};
}

std::uint64_t Script::literal_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& step : steps) {
    if (const auto* text = std::get_if<std::string>(&step)) bytes += text->size();
  }
  return bytes;
}

std::uint64_t Script::copied_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& step : steps) {
    if (const auto* copy = std::get_if<Copy>(&step)) bytes += copy->length;
  }
  return bytes;
}

std::string Script::applied_to(const std::string& base) const {
  std::string content;
  for (const auto& step : steps) {
    if (const auto* copy = std::get_if<Copy>(&step)) {
      EXPECT_LE(copy->offset + copy->length, base.size());
      content += base.substr(copy->offset, copy->length);
    } else {
      content += std::get<std::string>(step);
    }
  }
  return content;
}

delta::Signature signature_of(const std::string& base, std::uint32_t block_bytes, std::size_t piece) {
  if (block_bytes == 0) block_bytes = delta::block_bytes_for(base.size());
  auto maker = delta::SignatureMaker::begin({base.size(), kSeed, block_bytes});
  EXPECT_TRUE(maker);
  in_pieces(base, piece, [&](Bytes bytes) { return maker->add(bytes); });
  EXPECT_TRUE(maker->finish());
  EXPECT_TRUE(maker->signature().complete());
  return maker->signature();
}

Script script_for(const delta::Signature& signature, const std::string& fresh, std::size_t piece) {
  Script script;
  delta::Matcher matcher(signature, script);
  in_pieces(fresh, piece, [&](Bytes bytes) { return matcher.add(bytes); });
  EXPECT_TRUE(matcher.finish());
  return script;
}

UniqueFd file_with(const std::string& content) {
  UniqueFd file(::memfd_create("base", MFD_CLOEXEC));
  EXPECT_TRUE(file);
  EXPECT_TRUE(write_all(file.get(), bytes_of(content)));
  return file;
}

}  // namespace farhand::test
